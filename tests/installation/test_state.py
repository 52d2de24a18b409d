"""One change, one line: each change to a copied installation is found in the line it belongs to and in no other."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nesqc_gmp.installation import computer
from nesqc_gmp.installation.files import FileDigests, load
from nesqc_gmp.installation.lines import Line, state_sha256
from nesqc_gmp.installation.state import locked_names
from tests.installation.places import COPIED, Place, write_distribution, zone_file


def flip(path: Path) -> None:
    """Change one byte; size and time of modification stay."""
    facts = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # the file may be linked to another test's
    path.write_bytes(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def sql(place: Place, *statements: str) -> None:
    connection = sqlite3.connect(place.paths.ledger)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def own_byte(place: Place) -> None:
    flip(place.package / "store.py")


def own_added(place: Place) -> None:
    (place.package / "extra.py").write_text("x = 1\n")


def own_removed(place: Place) -> None:
    (place.package / "merkle.py").unlink()


def own_link(place: Place) -> None:
    path = place.package / "digest.py"
    path.rename(place.folder / "digest.py")
    path.symlink_to(place.folder / "digest.py")


def own_sourceless(place: Place) -> None:
    (place.package / "extra.pyc").write_bytes(b"x")


def own_version(place: Place) -> None:
    info = next(place.library.glob("nesqc_gmp-*.dist-info"))
    other = place.library / "nesqc_gmp-9.9.9.dist-info"
    (info / "RECORD").write_text((info / "RECORD").read_text().replace(info.name, other.name))
    info.rename(other)


def font_byte(place: Place) -> None:
    flip(place.package / "certificate" / "fonts" / "IBMPlexSans_400Regular.ttf")


def command_elsewhere(place: Place) -> None:
    path = place.folder / "bin" / "nesqc"
    path.write_text(path.read_text().replace("import sys\n", "import sys\nsys.path.insert(0, '/tmp')\n"))


def command_interpreter(place: Place) -> None:
    path = place.folder / "bin" / "nesqc"
    path.write_text(path.read_text().replace(f"#!{place.folder}/bin/python", "#!/usr/bin/python3"))


def command_missing(place: Place) -> None:
    (place.folder / "bin" / "nesqc").unlink()


def protocol_byte(place: Place) -> None:
    flip(next((place.folder / "validation" / "iq").glob("*.toml")))


def dependency_byte(place: Place) -> None:
    flip(place.library / "rfc8785" / "_impl.py")


def dependency_removed(place: Place) -> None:
    (place.library / "typing_inspection" / "introspection.py").unlink()


def dependency_record(place: Place) -> None:
    """Changed, and its list of files changed with it."""
    info = next(place.library.glob("rfc8785-*.dist-info"))
    path = place.library / "rfc8785" / "_impl.py"
    old = hashlib.sha256(path.read_bytes()).digest()
    flip(path)
    new = hashlib.sha256(path.read_bytes()).digest()
    text = (info / "RECORD").read_text()
    spelled = [base64.urlsafe_b64encode(value).rstrip(b"=").decode() for value in (old, new)]
    assert spelled[0] in text
    (info / "RECORD").write_text(text.replace(*spelled))


def dependency_version(place: Place) -> None:
    info = next(place.library.glob("rfc8785-*.dist-info"))
    other = place.library / "rfc8785-0.1.5.dist-info"
    record = (info / "RECORD").read_text().replace(info.name, other.name)
    info.rename(other)
    (other / "RECORD").write_text(record)


def dependency_twice(place: Place) -> None:
    write_distribution(place.library, "rfc8785", "0.0.1", {})


def dependency_missing(place: Place) -> None:
    shutil.rmtree(place.library / "typing_inspection")
    shutil.rmtree(next(place.library.glob("typing_inspection-*.dist-info")))


def loose_file(place: Place) -> None:
    (place.library / "rfc8785" / "extra.py").write_text("x = 1\n")


def extra_distribution(place: Place) -> None:
    write_distribution(place.library, "extra", "1.0", {})


def start_up_pth(place: Place) -> None:
    (place.library / "extra.pth").write_text("import os\n")


def start_up_module(place: Place) -> None:
    (place.library / "sitecustomize.py").write_text("import os\n")


def false_setuptools(place: Place) -> None:
    """A start-up file under the name that setuptools uses, without setuptools."""
    (place.library / "distutils-precedence.pth").write_text("import os\n")


def python_path(place: Place) -> None:
    folder = place.folder / "elsewhere"
    folder.mkdir()
    (folder / "rfc8785.py").write_text("x = 1\n")
    path = place.installation.search_path
    place.installation = replace(
        place.installation,
        environment={**place.installation.environment, "PYTHONPATH": str(folder)},
        search_path=(path[0], str(folder), *path[1:]),
    )


def beside_command(place: Place) -> None:
    (place.folder / "bin" / "hashlib.py").write_text("x = 1\n")


def variable(place: Place) -> None:
    place.installation = replace(
        place.installation, environment={**place.installation.environment, "LD_PRELOAD": "/tmp/x.so"}
    )


@pytest.mark.requirement("UR-QUALIFY-01", reviewed="c4e82033", negative=True)
@pytest.mark.parametrize(
    "name",
    [
        *("GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES", "GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "BLIS_ARCH_TYPE"),
        *("DNNL_MAX_CPU_ISA", "PYDANTIC_DISABLE_PLUGINS", "SETUPTOOLS_USE_DISTUTILS", "PYTHON_FROZEN_MODULES"),
    ],
)
def test_a_variable_that_steers_what_runs_is_named(place: Place, name: str) -> None:
    place.installation = replace(place.installation, environment={"HOME": "/home/nesqc", name: "x"})
    found = {line.name: line.value for line in place.quick()}
    assert found["environment variables"] == f"{name}=x"


def option(place: Place) -> None:
    place.installation = replace(place.installation, flags=("optimize=1",))


def other_python(place: Place) -> None:
    (place.folder / "bin" / "other").write_bytes(b"another interpreter")
    place.installation = replace(place.installation, executable=str(place.folder / "bin" / "other"))
    path = place.folder / "bin" / "nesqc"
    path.write_text(path.read_text().replace("bin/python", "bin/other"))


def standard_library(place: Place) -> None:
    flip(place.folder / "lib" / "standard" / "os.py")


def processor(place: Place) -> None:
    """One of two processors without a feature."""
    path = place.folder / "proc" / "cpuinfo"
    path.write_text(path.read_text().replace("avx2 fma", "fma", 1))


def system(place: Place) -> None:
    (place.folder / "etc" / "os-release").write_text("PRETTY_NAME=Example Linux 13\n")


def trigger_dropped(place: Place) -> None:
    sql(place, "DROP TRIGGER leaf_no_delete")


def trigger_replaced(place: Place) -> None:
    sql(
        place,
        "DROP TRIGGER score_no_update",
        "CREATE TRIGGER score_no_update BEFORE UPDATE ON score BEGIN SELECT 1; END",
    )


def trigger_added(place: Place) -> None:
    sql(place, "CREATE TRIGGER more AFTER INSERT ON entry BEGIN SELECT 1; END")


def index_dropped(place: Place) -> None:
    sql(place, "DROP INDEX entry_by_subject")


def view_added(place: Place) -> None:
    sql(place, "CREATE VIEW more AS SELECT 1")


def journal(place: Place) -> None:
    sql(place, "PRAGMA journal_mode=DELETE")


def site_mode(place: Place) -> None:
    place.paths.folder.chmod(0o777)


def ledger_mode(place: Place) -> None:
    place.paths.ledger.chmod(0o666)


def keys_mode(place: Place) -> None:
    place.paths.keys.chmod(0o755)


def key_mode(place: Place) -> None:
    (place.paths.keys / "people" / "a.json").chmod(0o644)


def objects_mode(place: Place) -> None:
    (place.paths.folder / "objects").chmod(0o777)


def library_mode(place: Place) -> None:
    (place.library / "rfc8785" / "_impl.py").chmod(0o666)


def time_service(place: Place) -> None:
    (place.folder / "proc" / "17" / "comm").write_text("sh\n")


def system_zone(place: Place) -> None:
    (place.folder / "etc" / "localtime").unlink()
    (place.folder / "etc" / "localtime").symlink_to("/usr/share/zoneinfo/America/New_York")


def backup(place: Place) -> None:
    place.facts = replace(place.facts, backup_target="elsewhere")


def zone_data(place: Place) -> None:
    """Another name for standard time at the end of the file."""
    path = place.folder / "zones" / "Europe" / "Stockholm"
    path.write_bytes(path.read_bytes().replace(b"\nCET-1CEST,", b"\nXYZ-1CEST,"))


def model_byte(place: Place) -> None:
    flip(place.folder / "models" / "nes-morphology-sim-1.1.0" / "model.onnx")


def model_added(place: Place) -> None:
    (place.folder / "models" / "nes-morphology-sim-1.1.0" / "more").write_text("x")


CHANGES: dict[Callable[[Place], None], tuple[str, str, bool]] = {
    own_byte: ("software", "files of the package", True),
    own_added: ("software", "files of the package", True),
    own_removed: ("software", "files of the package", True),
    own_link: ("software", "files of the package", True),
    own_sourceless: ("software", "files of the package", True),
    own_version: ("software", "version", True),
    font_byte: ("fonts", "fonts of the certificate", True),
    command_elsewhere: ("software", "command nesqc", True),
    command_interpreter: ("software", "command nesqc", True),
    command_missing: ("software", "command nesqc", True),
    protocol_byte: ("software", "requirements and protocols", True),
    dependency_byte: ("dependencies", "rfc8785", True),
    dependency_removed: ("dependencies", "typing-inspection", True),
    dependency_record: ("dependencies", "rfc8785", True),
    dependency_version: ("dependencies", "rfc8785", True),
    dependency_twice: ("dependencies", "rfc8785", True),
    dependency_missing: ("dependencies", "typing-inspection", True),
    loose_file: ("dependencies", "files that no distribution brought", True),
    extra_distribution: ("dependencies", "other distributions", True),
    start_up_pth: ("dependencies", "files run at every start", True),
    start_up_module: ("dependencies", "files run at every start", True),
    false_setuptools: ("dependencies", "files run at every start", True),
    python_path: ("dependencies", "found before the installed files", True),
    beside_command: ("dependencies", "found before the installed files", True),
    variable: ("python", "environment variables", False),
    option: ("python", "options", True),
    other_python: ("python", "executable", False),
    standard_library: ("python", "standard library", False),
    processor: ("machine", "processor features", True),
    system: ("machine", "operating system", False),
    trigger_dropped: ("database", "guards of leaf", True),
    trigger_replaced: ("database", "guards of score", True),
    trigger_added: ("database", "guards of entry", True),
    index_dropped: ("database", "tables and indexes", True),
    view_added: ("database", "tables and indexes", True),
    journal: ("database", "journal mode", True),
    site_mode: ("grants", "site folder", True),
    ledger_mode: ("grants", "ledger", True),
    keys_mode: ("grants", "keys", True),
    key_mode: ("grants", "keys", True),
    objects_mode: ("grants", "other writers in the site folder", True),
    library_mode: ("grants", "library folder", True),
    time_service: ("clock", "time service", False),
    system_zone: ("clock", "time zone of the system", False),
    backup: ("backup", "target", False),
    zone_data: ("time zone data", "file of the zone", False),
    model_byte: ("models", "package nes-morphology-sim-1.1.0", True),
    model_added: ("models", "package nes-morphology-sim-1.1.0", True),
}
"""What is changed, the line that must change, and whether the release knows better; the rest only a site can know."""


def differing(one: tuple[Line, ...], other: tuple[Line, ...]) -> list[tuple[str, str]]:
    return sorted({(line.group, line.name) for line in {*one} ^ {*other}})


@pytest.mark.requirement("UR-QUALIFY-01", reviewed="c4e82033")
def test_a_copy_of_what_was_released_passes(place: Place) -> None:
    findings = place.findings()
    assert [finding for finding in findings if finding.verdict != "passed"] == []
    assert len(findings) == len(place.state()) >= 48


@pytest.mark.requirement("UR-QUALIFY-01", reviewed="c4e82033", negative=True)
@pytest.mark.requirement("UR-QUALIFY-02", reviewed="595b5123", negative=True)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_one_change_changes_one_line(place: Place, later: Callable[[], None], change: Callable[[Place], None]) -> None:
    group, name, fails = CHANGES[change]
    before = place.state()
    later()
    assert place.quick() == before
    change(place)
    quick = place.quick()
    assert differing(before, quick) == [(group, name)]
    assert place.state() == quick
    failed = [(finding.group, finding.name) for finding in place.findings() if finding.verdict != "passed"]
    assert failed == ([(group, name)] if fails else [])


def test_the_file_that_differs_is_named(place: Place) -> None:
    own_byte(place)
    own_added(place)
    own_removed(place)
    dependency_byte(place)
    actual = {(finding.group, finding.name): finding.actual for finding in place.findings()}
    assert actual["software", "files of the package"].endswith(
        "; added: extra.py; missing: merkle.py; changed: store.py"
    )
    assert actual["dependencies", "rfc8785"].endswith("; not as installed: rfc8785/_impl.py")


def test_a_table_that_is_gone_is_a_line_that_is_missing(place: Place) -> None:
    sql(place, "DROP TABLE score")
    failed = {finding.name: finding.actual for finding in place.findings() if finding.verdict == "failed"}
    assert failed["guards of score"] == "no such line was found"
    assert set(failed) == {"guards of score", "tables and indexes"}


def test_a_ledger_that_is_no_database_is_not_executed(place: Place) -> None:
    place.paths.ledger.write_bytes(b"not a database" * 100)
    (place.paths.folder / "ledger.sqlite-wal").unlink(missing_ok=True)
    found = {finding.name: finding.verdict for finding in place.findings() if finding.group == "database"}
    assert found["journal mode"] == "not executed"
    assert found["guards of leaf"] == "failed"


def test_the_digest_of_a_state_is_that_of_its_lines_in_order() -> None:
    lines = [Line("software", "version", "0.1.0"), Line("backup", "target", "none stated")]
    # RFC 8785 has no spaces; the text is written by hand.
    text = '[["backup","target","none stated"],["software","version","0.1.0"]]'
    assert state_sha256(lines) == hashlib.sha256(text.encode()).hexdigest()
    assert state_sha256(reversed(lines)) == state_sha256(lines)


def test_locked_names_come_back_from_the_lines(place: Place) -> None:
    assert locked_names(place.state()) == set(COPIED)


def test_two_looks_give_the_same_lines(place: Place) -> None:
    assert place.state() == place.state()


def test_unsynchronised_and_unreadable_clocks(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(answer: tuple[int, int] | OSError) -> str:
        def clock() -> tuple[int, int]:
            if isinstance(answer, OSError):
                raise answer
            return answer

        monkeypatch.setattr(computer, "kernel_clock", clock)
        return next(line.value for line in place.state() if (line.group, line.name) == ("clock", "kernel"))

    # adjtimex(2): TIME_OK is 0, TIME_ERROR 5; STA_PLL is 1, STA_UNSYNC 0x40.
    assert look((0, 1)) == "synchronised"
    assert look((5, 0x40)) == "not synchronised"
    assert look((0, 0x41)) == "not synchronised"
    assert look(OSError(1, "Operation not permitted")) == "cannot be read: Operation not permitted"


def test_the_kernel_gives_a_state_of_its_clock() -> None:
    state, status = computer.kernel_clock()
    assert 0 <= state <= 5  # adjtimex(2): TIME_OK to TIME_ERROR
    assert 0 <= status < 0x10000  # the highest status bit is STA_CLK, 0x8000


def test_sources_of_the_time_zone_that_disagree(place: Place) -> None:
    files = {"tzdata/__init__.py": 'IANA_VERSION = "2026f"\n', "tzdata/zoneinfo/Europe/Stockholm": ""}
    write_distribution(place.library, "tzdata", "2026.6", files)
    (place.library / "tzdata" / "zoneinfo" / "Europe" / "Stockholm").write_bytes(zone_file("Europe/Stockholm"))
    (place.folder / "zones" / "Europe" / "Stockholm").write_bytes(zone_file("Europe/London"))
    found = {line.name: line.value for line in place.state() if line.group == "time zone data"}
    assert found["source"] == "the system"
    assert found["offset of today"] == "system +0000, package +0100"
    assert found["version"] == "system not named, package 2026f"
    (place.folder / "zones" / "Europe" / "Stockholm").write_bytes(zone_file("Europe/Stockholm"))
    found = {line.name: line.value for line in place.state() if line.group == "time zone data"}
    assert found["offset of today"] == "system and package agree"
    place.installation = replace(place.installation, zone_folders=())
    found = {line.name: line.value for line in place.state() if line.group == "time zone data"}
    assert found["source"] == "the package tzdata"
    assert found["offset of today"] == "one source only"


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/passwd", ""])
def test_a_zone_that_is_a_path_is_not_opened(place: Place, zone: str) -> None:
    place.facts = replace(place.facts, zone=zone)
    found = [line for line in place.state() if line.group == "time zone data"]
    assert [line.value for line in found] == [f"{zone!r} is not the name of a zone"]


def test_an_active_model_is_read_from_the_store(place: Place) -> None:
    from nesqc_gmp.objects import ObjectStore

    source = place.folder / "models" / "nes-morphology-sim-1.1.0"
    store = ObjectStore(place.paths.objects)
    kept = {str(path.relative_to(source)): store.put(path.read_bytes()) for path in source.rglob("*") if path.is_file()}
    place.facts = replace(place.facts, active_models={"nes-morphology-sim 1.1.0": kept["manifest.json"]})

    def value() -> str:
        (line,) = (line for line in place.state() if line.name == "active nes-morphology-sim 1.1.0")
        return line.value

    assert value() == f"SHA-256 {kept['manifest.json']}"
    store.path(kept["model.onnx"]).chmod(0o644)
    flip(store.path(kept["model.onnx"]))
    assert value() == f"SHA-256 {kept['manifest.json']}; missing or altered in the store: model.onnx"
    store.path(kept["manifest.json"]).unlink()
    assert value() == f"SHA-256 {kept['manifest.json']}; its manifest is missing or altered"


class TestRemembered:
    """Digests that are remembered between two commands."""

    def test_the_second_look_reads_no_file(self, place: Place, later: Callable[[], None]) -> None:
        later()
        place.state()
        remembered = load(str(place.paths.installed_files))
        digests = FileDigests(remembered)
        for path in (place.package / "store.py", place.library / "rfc8785" / "_impl.py"):
            wanted = hashlib.sha256(path.read_bytes()).hexdigest()
            assert digests.digest(str(path), path.lstat()) == wanted
        assert digests.hashed == 0
        assert place.paths.installed_files.stat().st_mode & 0o777 == 0o600

    def test_a_file_that_changed_just_now_is_not_remembered(self, place: Place) -> None:
        path = place.package / "store.py"
        flip(path)
        place.state()
        assert str(path) not in load(str(place.paths.installed_files))

    def test_a_file_from_the_future_is_not_remembered(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        from nesqc_gmp.installation import files

        now = files.time.time_ns
        monkeypatch.setattr(files.time, "time_ns", lambda: now() - 3600 * 10**9)
        place.state()
        assert str(place.package / "store.py") not in load(str(place.paths.installed_files))

    @pytest.mark.parametrize("harm", ["cut", "byte", "empty", "readable", "folder", "link", "other header"])
    def test_a_damaged_memory_is_not_used(self, place: Place, later: Callable[[], None], harm: str) -> None:
        later()
        before = place.state()
        path = place.paths.installed_files
        data = path.read_bytes()
        assert load(str(path))
        if harm == "cut":
            path.write_bytes(data[:-10])
        elif harm == "byte":
            flip(path)
        elif harm == "empty":
            path.write_bytes(b"")
        elif harm == "readable":
            path.chmod(0o644)
        elif harm == "folder":
            path.unlink()
            path.mkdir()
        elif harm == "link":
            path.rename(place.folder / "memory")
            path.symlink_to(place.folder / "memory")
        else:
            path.write_bytes(data.replace(b" v1 ", b" v0 ", 1))
        assert load(str(path)) == {}
        assert place.quick() == before

    def test_a_folder_that_cannot_be_written_keeps_nothing(self, tmp_path: Path, later: Callable[[], None]) -> None:
        later()
        (tmp_path / "file").write_text("x")
        digests = FileDigests()
        digests.digest(str(tmp_path / "file"), (tmp_path / "file").lstat())
        digests.save(str(tmp_path / "missing" / "memory"))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]

    def test_nothing_is_left_half_written(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            place.state()
        assert [path.name for path in place.paths.folder.iterdir() if path.name.startswith(".installed-")] == []

    def test_the_memory_is_not_in_the_state(self, place: Place) -> None:
        before = place.state()
        place.paths.installed_files.unlink()
        assert place.state() == before
        assert json.loads(place.paths.installed_files.read_bytes().partition(b"\n")[2]) is not None
