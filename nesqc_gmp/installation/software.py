"""The software's own lines: version, files, command, fonts, and the protocols that lie beside it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Final

from nesqc_gmp.installation.distributions import Distribution
from nesqc_gmp.installation.files import FileDigests, Tree, files_value, tree_lines, walk
from nesqc_gmp.installation.lines import Line, some, unreadable
from nesqc_gmp.installation.roots import Installation

NAME: Final = "nesqc-gmp"
COMMAND: Final = "nesqc"
ENTRY_POINT: Final = "nesqc_gmp.cli:main"
FONTS: Final = "certificate/fonts/"
RELEASE_FOLDER: Final = "release"
NOT_RELEASED: Final = frozenset({RELEASE_FOLDER, "pq"})
"""Folders of ``validation/`` that the manifest does not list: its own, and the protocol that each site edits."""

# A command may hold these lines and no other: what pip, installer and uv write.
_COMMAND_LINES = frozenset(
    {
        "",
        "# -*- coding: utf-8 -*-",
        "import re",
        "import sys",
        "from nesqc_gmp.cli import main",
        "if __name__ == '__main__':",
        'if __name__ == "__main__":',
        "sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])",
        "sys.argv[0] = sys.argv[0].removesuffix('.exe')",
        'if sys.argv[0].endswith("-script.pyw"):',
        "sys.argv[0] = sys.argv[0][:-11]",
        'elif sys.argv[0].endswith(".exe"):',
        "sys.argv[0] = sys.argv[0][:-4]",
        "sys.exit(main())",
    }
)


def software_lines(
    installation: Installation, found: Collection[Distribution], validation: str | None, digests: FileDigests
) -> Iterator[Line]:
    """Version, files, command and fonts of the software, and the files of ``validation/``.

    Args:
        installation: Where to look.
        found: Distributions of the libraries.
        validation: Folder of requirements and protocols.
        digests: Digests of files.
    """
    own = [one for one in found if one.name == NAME]
    versions = " and ".join(sorted(one.version for one in own))
    yield Line("software", "version", versions or "not installed")
    tree = walk(installation.package)
    rows = list(tree_lines(tree, digests))
    fonts = [row for row in rows if row[0].startswith(FONTS)]
    rest = [row for row in rows if not row[0].startswith(FONTS)]
    yield Line("software", "files of the package", files_value(rest) + _odd(own, rest, tree))
    yield Line("fonts", "fonts of the certificate", files_value(fonts))
    yield Line("software", f"command {COMMAND}", _command(installation))
    yield Line("software", "requirements and protocols", _validation(validation, digests))


def _odd(own: list[Distribution], rows: list[tuple[str, str, int]], tree: Tree) -> str:
    """Which files are not as they were installed, where the installation noted its files beside the package."""
    if len(own) != 1 or f"{own[0].library}/nesqc_gmp" != tree.folder:
        return ""
    prefix = "nesqc_gmp/"
    noted = {
        path.removeprefix(prefix): value
        for path, value in own[0].recorded.items()
        if path.startswith(prefix) and not path.startswith(prefix + FONTS)
    }
    found = {path: (digest, str(size)) for path, digest, size in rows}
    parts = {
        "added": found.keys() - noted.keys(),
        "missing": noted.keys() - found.keys(),
        "changed": {path for path in found.keys() & noted.keys() if found[path] != noted[path]},
    }
    return "".join(f"; {what}: {some(paths)}" for what, paths in parts.items() if paths)


def _command(installation: Installation) -> str:
    """What the command starts, and with which interpreter."""
    path = f"{installation.scripts}/{COMMAND}"
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read(10_000)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return unreadable(error)
    except UnicodeDecodeError:
        return "not a script"
    first, _, body = text.partition("\n")
    interpreter = first.removeprefix("#!").strip()
    if interpreter == "/bin/sh" and body.startswith("'''exec' "):
        # How an interpreter is named whose path is long or holds a space.
        second, _, body = body.removeprefix("'''exec' ").partition("\n")
        interpreter = second.partition(' "$0"')[0].strip('"')
        body = body.removeprefix("' '''\n")
    own = _same_interpreter(interpreter, installation.executable)
    strange = sorted({line.strip() for line in body.splitlines()} - _COMMAND_LINES)
    if strange or "from nesqc_gmp.cli import main" not in body:
        return f"starts something else: {strange[0] if strange else 'nothing'}"
    return f"{COMMAND} = {ENTRY_POINT}, with {'this interpreter' if own else interpreter}"


def _same_interpreter(one: str, other: str) -> bool:
    """Whether two paths start the same interpreter in the same environment."""
    places = {os.path.realpath(os.path.dirname(path)) for path in (one, other)}
    return len(places) == 1 and os.path.realpath(one) == os.path.realpath(other)


def _validation(folder: str | None, digests: FileDigests) -> str:
    if folder is None:
        return "none handed in"
    try:
        return files_value(tree_lines(walk(folder, leave_out=NOT_RELEASED), digests))
    except OSError as error:
        return unreadable(error)
