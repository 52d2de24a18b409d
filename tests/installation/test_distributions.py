"""One digest for a wheel and for its installation; pip is the other opinion."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.installation.computer import machine_lines
from nesqc_gmp.installation.distributions import canonical_name, distributions, read_wheel
from nesqc_gmp.installation.files import FileDigests, walk
from nesqc_gmp.installation.release import environment_name, parse_manifest
from nesqc_gmp.installation.roots import present_installation
from tests.installation.places import RELEASE

INFO = "some_thing-1.0.dist-info"
FILES = {
    "some_thing/__init__.py": b"def main() -> None: ...\n",
    "some_thing/a, b.txt": b"a name with a comma\n",
    "some_thing-1.0.data/purelib/some_other.py": b"x = 1\n",
    "some_thing-1.0.data/data/share/readme.txt": b"outside the library\n",
    "some_thing-1.0.data/scripts/some-script": b"#!python\nprint(1)\n",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: some.thing\nVersion: 1.0\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{INFO}/entry_points.txt": b"[console_scripts]\nsome-thing = some_thing:main\n",
}
IN_LIBRARY = {
    "some_thing/__init__.py": "some_thing/__init__.py",
    "some_thing/a, b.txt": "some_thing/a, b.txt",
    "some_thing-1.0.data/purelib/some_other.py": "some_other.py",
    f"{INFO}/METADATA": f"{INFO}/METADATA",
    f"{INFO}/WHEEL": f"{INFO}/WHEEL",
    f"{INFO}/entry_points.txt": f"{INFO}/entry_points.txt",
}


def by_hand() -> str:
    """The digest as the decision describes it."""
    rows = [
        f"{place},{hashlib.sha256(FILES[name]).hexdigest()},{len(FILES[name])}\n" for name, place in IN_LIBRARY.items()
    ]
    return hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()


def wheel(folder: Path, *, false: str | None = None) -> Path:
    path = folder / "some_thing-1.0-py3-none-any.whl"
    record = ""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(name, data if name != false else data + b"#")
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            spelled = f'"{name}"' if "," in name else name
            record += f"{spelled},sha256={digest},{len(data)}\n"
        archive.writestr(f"{INFO}/RECORD", f"{record}{INFO}/RECORD,,\n")
    return path


def test_a_wheel_and_its_installation_have_the_digest_made_by_hand(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    content = read_wheel(path)
    assert (content.digest, content.files) == (by_hand(), 6)
    assert "Name: some.thing" in content.metadata
    library = tmp_path / "library"
    options = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target", str(library)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(path)], check=True)
    (found,) = distributions(str(library))
    assert (found.name, found.version) == ("some-thing", "1.0")
    assert found.modules() == {"some_thing", "some_other"}
    assert found.value(walk(str(library)), FileDigests()) == f"1.0, 6 files, SHA-256 {by_hand()}"


def test_a_wheel_that_is_not_what_it_lists_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, false="some_thing/__init__.py")
    with pytest.raises(IntegrityError, match=r"some_thing/__init__\.py is not what the wheel lists"):
        read_wheel(path)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a wheel"])
def test_what_is_no_wheel_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_wheel(path)


def test_a_distribution_without_a_list_of_files_says_so(tmp_path: Path) -> None:
    (tmp_path / "old-2.0.dist-info").mkdir()
    (tmp_path / "older-1.0-py3.11.egg-info").mkdir()
    found = distributions(str(tmp_path))
    assert [(one.name, one.version) for one in found] == [("old", "2.0"), ("older", "1.0")]
    assert found[0].value(walk(str(tmp_path)), FileDigests()) == "2.0, no list of its files"


def test_names_are_spelled_as_the_packaging_standard_spells_them() -> None:
    assert canonical_name("Ruamel.Yaml__x-.y") == "ruamel-yaml-x-y"


def test_installed_dependencies_have_the_digests_of_the_committed_manifest() -> None:
    """What pip installed here is what was read from the wheels of this Python version."""
    installation = present_installation()
    facts = {line.name: line.value for line in machine_lines(installation)}
    environment = environment_name(
        installation.python_version, installation.implementation, facts["architecture"], facts["C library"]
    )
    manifest = parse_manifest((RELEASE / "manifest.json").read_bytes())
    if environment not in manifest.environments:
        pytest.skip(f"the release has no digests for {environment}")
    (library,) = installation.libraries
    found = {one.name: one for one in distributions(library)}
    tree, digests = walk(library), FileDigests()
    for one in manifest.dependencies:
        assert metadata.version(one.name) == one.version
        expected = next(each for each in one.wheels if each.environment == environment)
        value = found[one.name].value(tree, digests)
        assert value == f"{one.version}, {expected.files} files, SHA-256 {expected.digest}"
