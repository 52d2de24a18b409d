"""The committed release describes this tree, and no altered one is read."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from email.message import Message
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nesqc_gmp import store
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError, NotFoundError
from nesqc_gmp.installation.distributions import canonical_name
from nesqc_gmp.installation.release import Release, ReleaseManifest, note_text, open_release, parse_manifest
from nesqc_gmp.notes import NoteSigner, NoteVerifier, sign
from tests.installation.places import RELEASE, ROOT

REMAKE = "run `python -m validation.release make` and commit validation/release"


@pytest.fixture(scope="module")
def committed() -> ReleaseManifest:
    return parse_manifest((RELEASE / "manifest.json").read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the committed release."""
    return Path(shutil.copytree(RELEASE, tmp_path / "release"))


def test_the_committed_manifest_describes_this_tree(maker: ModuleType, committed: ReleaseManifest) -> None:
    try:
        dependencies = maker.kept(ROOT, committed.dependencies)
    except InvalidInputError:
        pytest.fail("requirements.lock changed: run `python -m validation.release make --download`")
    present = maker.describe(ROOT, dependencies, committed.start_up, committed.standing)
    if present != committed:
        kinds = ("files", "validation")
        rows = {kind: {*getattr(present, kind)} ^ {*getattr(committed, kind)} for kind in kinds}
        odd = sorted({row.path for kind in kinds for row in rows[kind]})
        pytest.fail(f"the manifest does not describe the present tree ({', '.join(odd) or 'other parts'}): {REMAKE}")


def test_the_committed_list_of_components_describes_this_tree(maker: ModuleType, committed: ReleaseManifest) -> None:
    if maker.components(ROOT, committed) != (RELEASE / "sbom.cdx.json").read_bytes():
        pytest.fail(f"the list of components does not describe the present tree: {REMAKE}")


@pytest.mark.requirement("UR-QUALIFY-02", reviewed="595b5123")
def test_the_committed_note_verifies_with_the_committed_key() -> None:
    release = open_release(RELEASE)
    assert release.manifest_sha256 == hashlib.sha256((RELEASE / "manifest.json").read_bytes()).hexdigest()
    assert release.pinned is False
    assert f"standing: {release.manifest.standing}\n" in (RELEASE / "manifest.note").read_text("utf-8")


def test_the_manifest_names_what_a_wheel_holds(committed: ReleaseManifest) -> None:
    """By the rules of pyproject.toml, as setuptools reads them: every module, and the data that is named there."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    patterns = settings["package-data"]["nesqc_gmp"]
    for file in committed.files:
        assert file.path.endswith(".py") or any(fnmatch.fnmatch(file.path, one.replace("**/", "*")) for one in patterns)
    listed = subprocess.run(
        ["git", "ls-files", "nesqc_gmp"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if listed:
        assert {f"nesqc_gmp/{file.path}" for file in committed.files} >= set(listed)


def test_the_schema_is_that_of_the_tables(committed: ReleaseManifest) -> None:
    assert committed.ledger.sha256 == store.SCHEMA_SHA256
    assert set(committed.ledger.guards) == set(store.TABLES)
    for table, value in committed.ledger.guards.items():
        assert value.startswith(f"{table}_no_delete, {table}_no_update, {table}_only_append, SHA-256 ")


def test_every_locked_distribution_has_a_digest_for_each_python(committed: ReleaseManifest) -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    lock = {canonical_name(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}
    assert {one.name: one.version for one in committed.dependencies} == lock
    wanted = {"cp311-manylinux_x86_64", "cp312-manylinux_x86_64", "cp313-manylinux_x86_64"}
    assert set(committed.environments) == wanted
    for one in committed.dependencies:
        assert {wheel.environment for wheel in one.wheels} == wanted


def test_markers_and_extras_decide_what_an_environment_needs(maker: ModuleType) -> None:
    requires = {"a": ["b; python_version < '3.12'", "c; extra == 'more'"], "b": [], "c": ["d; sys_platform == 'win32'"]}
    assert maker.needed(["A[more]"], requires, "3.11") == {"a", "b", "c"}
    assert maker.needed(["A[more]"], requires, "3.12") == {"a", "c"}
    assert maker.needed(["A"], requires, "3.12") == {"a"}


class TestAltered:
    """Nothing but what was signed is read."""

    def refused(self, folder: Path, what: str, pinned: NoteVerifier | None = None) -> None:
        with pytest.raises(IntegrityError, match=what):
            open_release(folder, pinned)

    @pytest.mark.parametrize("name", ["manifest.json", "sbom.cdx.json"])
    def test_another_file_than_was_signed(self, folder: Path, name: str) -> None:
        value = json.loads((folder / name).read_bytes())
        value["version"] = "0.1.1" if name == "manifest.json" else 2
        # RFC 8785 of a value that the standard library spells alike.
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        (folder / name).write_text(text, "utf-8")
        self.refused(folder, "names another manifest or another list of components")

    @pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff"])
    def test_what_is_no_manifest(self, folder: Path, data: bytes) -> None:
        (folder / "manifest.json").write_bytes(data)
        self.refused(folder, "not a release manifest")

    def test_the_same_manifest_in_another_spelling(self, folder: Path) -> None:
        (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes() + b"\n")
        self.refused(folder, "not in canonical form")

    def test_a_signature_over_something_else(self, folder: Path) -> None:
        note = (folder / "manifest.note").read_text("utf-8")
        (folder / "manifest.note").write_text(note.replace("standing: development", "standing: release"), "utf-8")
        self.refused(folder, "signature does not fit")

    def test_a_key_that_the_reader_does_not_trust(self, folder: Path) -> None:
        other = NoteSigner.generate("nesqc-gmp/release").verifier
        self.refused(folder, "No trusted key signed", other)

    def test_a_development_key_cannot_sign_a_release(self, folder: Path) -> None:
        signer = NoteSigner.generate("nesqc-gmp/development/0.1.0")
        self.sign(folder, "release", signer)
        self.refused(folder, "cannot sign the standing release")

    def test_a_release_key_does_not_sign_a_state_of_development(self, folder: Path) -> None:
        signer = NoteSigner.generate("nesqc-gmp/release")
        self.sign(folder, "development", signer)
        self.refused(folder, "cannot sign the standing development")

    def sign(self, folder: Path, standing: str, signer: NoteSigner) -> None:
        manifest = parse_manifest((folder / "manifest.json").read_bytes()).model_copy(update={"standing": standing})
        (folder / "manifest.json").write_bytes(manifest.canonical())
        text = note_text(manifest, (folder / "sbom.cdx.json").read_bytes())
        (folder / "manifest.note").write_text(sign(text, signer), "utf-8")
        (folder / "release.vkey").write_text(f"{signer.verifier}\n", "utf-8")

    @pytest.mark.parametrize("name", ["manifest.json", "sbom.cdx.json", "manifest.note", "release.vkey"])
    def test_a_file_that_is_missing(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        with pytest.raises(NotFoundError, match=name):
            open_release(folder)


class TestMaking:
    """The developer's command, on a copy of the tree."""

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        root = tmp_path / "tree"
        ignore = shutil.ignore_patterns("__pycache__")
        for name in ("nesqc_gmp", "validation"):
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        for path in (ROOT / "models").glob("*/manifest.json"):
            (root / "models" / path.parent.name).mkdir(parents=True)
            shutil.copy(path, root / "models" / path.parent.name)
        for name in ("requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, root)
        return root

    def made(self, maker: ModuleType, tree: Path, **options: Any) -> Release:
        maker.make(tree, **options)
        return open_release(tree / "validation" / "release")

    def test_without_a_key_it_is_a_state_of_development(self, maker: ModuleType, tree: Path) -> None:
        release = self.made(maker, tree)
        assert release.manifest.standing == "development"
        assert release.key.startswith("nesqc-gmp/development/")
        first = (tree / "validation" / "release" / "manifest.json").read_bytes()
        again = self.made(maker, tree)
        assert (tree / "validation" / "release" / "manifest.json").read_bytes() == first
        assert again.key != release.key
        written = (tree / "validation" / "release").iterdir()
        assert not any(b"PRIVATE" in path.read_bytes() for path in written)

    def test_with_the_key_of_the_releases_it_is_a_release(self, maker: ModuleType, tree: Path, tmp_path: Path) -> None:
        signer = NoteSigner.generate("nesqc-gmp/release")
        (tmp_path / "key").write_text(f"{signer.private_text()}\n")
        assert self.made(maker, tree, key=tmp_path / "key").manifest.standing == "release"
        release = open_release(tree / "validation" / "release", signer.verifier)
        assert release.pinned is True

    def test_a_development_key_is_refused(self, maker: ModuleType, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(NoteSigner.generate("nesqc-gmp/development/x").private_text())
        before = (tree / "validation" / "release" / "manifest.json").read_bytes()
        with pytest.raises(InvalidInputError, match="cannot sign a release"):
            maker.make(tree, key=tmp_path / "key")
        assert (tree / "validation" / "release" / "manifest.json").read_bytes() == before

    @pytest.mark.parametrize("text", [b"", b"PRIVATE+KEY+x", b"\xff"])
    def test_a_damaged_key_is_refused(self, maker: ModuleType, tree: Path, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "key").write_bytes(text)
        with pytest.raises(NesqcError):
            maker.make(tree, key=tmp_path / "key")

    def test_a_new_version_in_the_lock_asks_for_the_wheels(self, maker: ModuleType, tree: Path) -> None:
        lock = tree / "requirements.lock"
        lock.write_text(lock.read_text().replace("rfc8785==0.1.4", "rfc8785==0.1.5"))
        with pytest.raises(InvalidInputError, match=r"no digest of rfc8785 0\.1\.5.*--download"):
            maker.make(tree)

    def test_a_changed_file_is_seen(self, maker: ModuleType, tree: Path) -> None:
        before = self.made(maker, tree)
        (tree / "nesqc_gmp" / "errors.py").write_text("x = 1\n")
        after = self.made(maker, tree)
        changed = {row.path for row in {*before.manifest.files} ^ {*after.manifest.files}}
        assert changed == {"errors.py"}


@pytest.fixture
def value() -> dict[str, Any]:
    """The committed list of components."""
    found: dict[str, Any] = json.loads((RELEASE / "sbom.cdx.json").read_bytes())
    return found


class TestComponents:
    """The software bill of materials, beside what pip and the metadata of the installation say."""

    def test_pip_lists_the_same_versions(self, value: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        installed = {(one["name"], one["version"]) for one in json.loads(run.stdout)}
        assert {(one["name"], one["version"]) for one in value["components"]} <= installed

    def test_edges_are_the_requirements_of_the_metadata(self, value: dict[str, Any]) -> None:
        graph = {one["ref"]: one["dependsOn"] for one in value["dependencies"]}

        def name(reference: str) -> str:
            return reference.removeprefix("pkg:pypi/").partition("@")[0]

        # Read by hand from the metadata of the three.
        assert graph["pkg:pypi/rfc8785@0.1.4"] == []
        named = {name(reference): {name(each) for each in edges} for reference, edges in graph.items()}
        assert named["cffi"] == {"pycparser"}
        assert named["nesqc-gmp"] == {
            "onnxruntime", "pydantic", "reportlab", "pikepdf", "pyhanko", "cryptography", "sqlmodel", "typer", "rich",
            "numpy", "pillow", "tifffile", "imagecodecs", "segno", "rfc8785", "tzdata", "scipy", "scikit-learn",
        }  # fmt: skip

    def test_every_component_is_reached_from_the_software(self, value: dict[str, Any]) -> None:
        graph = {one["ref"]: one["dependsOn"] for one in value["dependencies"]}
        reached, pending = set(), [value["metadata"]["component"]["bom-ref"]]
        while pending:
            reference = pending.pop()
            if reference not in reached:
                reached.add(reference)
                pending += graph[reference]
        assert reached == set(graph)

    def test_licences_are_as_stated(self, maker: ModuleType, value: dict[str, Any]) -> None:
        stated = {one["name"]: one["licenses"] for one in value["components"]}
        assert stated["pydantic"] == [{"expression": metadata.metadata("pydantic")["License-Expression"]}]
        assert maker.licences(Message()) == [{"license": {"name": "unknown"}}]

    def test_it_names_no_host_and_holds_no_time(self) -> None:
        text = (RELEASE / "sbom.cdx.json").read_text("utf-8")
        assert "://" not in text
        assert "timestamp" not in text

    def test_the_schema_of_cyclonedx_accepts_it(self) -> None:
        validation = pytest.importorskip("cyclonedx.validation.json", reason="no part of the test environment")
        schema = pytest.importorskip("cyclonedx.schema")
        validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
        assert validator.validate_str((RELEASE / "sbom.cdx.json").read_text("utf-8")) is None
