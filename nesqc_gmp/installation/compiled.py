"""Whether compiled code is what its source compiles to.

The interpreter runs the code in ``__pycache__`` and not the source beside it, as long as time and size of the source
are those that the code was made from (Python language reference, 5.4.7 Cached bytecode invalidation). Code that an
installer or a run has left there is therefore compiled again and compared, where the interpreter would take it.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.util import MAGIC_NUMBER, source_hash
from types import CodeType

from nesqc_gmp.installation.files import FileDigests, Tree
from nesqc_gmp.installation.lines import Line, some

_HEADER_BYTES = 16


def compiled_line(trees: Iterable[Tree], digests: FileDigests) -> Line:
    """The line of all compiled code that the running interpreter would take.

    Args:
        trees: Walked folders of libraries, of the software and of the standard library.
        digests: Digests of files; what was compared is remembered with the digest of its source.
    """
    odd = [path for tree in trees for path in _odd(tree, digests)]
    return Line("software", "compiled code", f"not as its source: {some(odd)}" if odd else "as its source")


def _odd(tree: Tree, digests: FileDigests) -> Iterator[str]:
    suffix = f".{sys.implementation.cache_tag}.pyc"
    for path, facts in tree.compiled.items():
        folder, _, name = path.rpartition("__pycache__/")
        source = f"{folder}{name.removesuffix(suffix)}.py"
        if not name.endswith(suffix) or (source not in tree.files and source not in tree.links):
            continue
        compiled = f"{tree.folder}/{path}"
        known = tree.files.get(source)
        source = f"{tree.folder}/{source}"
        digest = digests.digest(source, known) if known is not None else digests.of(source)
        if digests.holds(compiled, facts, f"code of {digest}"):
            continue
        if _agrees(compiled, source):
            digests.keep(compiled, facts, f"code of {digest}")
        else:
            yield path


def _agrees(compiled: str, source: str) -> bool:
    """Whether the interpreter would ignore the compiled file, or it holds what the source compiles to."""
    try:
        with open(compiled, "rb") as stream:
            data = stream.read()
        with open(source, "rb") as stream:
            text = stream.read()
            facts = os.fstat(stream.fileno())
    except OSError:
        return False
    if not _taken(data[:_HEADER_BYTES], text, facts):
        return True
    try:
        code = compile(text, source, "exec", dont_inherit=True, optimize=sys.flags.optimize)
        body = data[_HEADER_BYTES:]
        return marshal.dumps(code) == body or _same(marshal.loads(body), code)  # noqa: S302 - compared, never run
    except (SyntaxError, ValueError, EOFError, TypeError):
        return False


def _taken(header: bytes, text: bytes, facts: os.stat_result) -> bool:
    """Whether the interpreter would take a compiled file with this header (PEP 552)."""
    if header[:4] != MAGIC_NUMBER:
        return False
    flags = int.from_bytes(header[4:8], "little")
    if not flags & 1:
        made_from = (int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF)
        return (int.from_bytes(header[8:12], "little"), int.from_bytes(header[12:16], "little")) == made_from
    checked = bool(flags & 2)
    return not checked or header[8:16] == source_hash(text)


def _same(found: object, code: CodeType) -> bool:
    """Whether two code objects do the same; file names do not count."""
    return isinstance(found, CodeType) and found == code
