"""What cannot be compared is not executed, what a site asks for is held against its lines, and cases take it all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.installation.comparison import NOT_REQUIRED, RECORDED, SiteExpectations, compare
from nesqc_gmp.installation.lines import Finding, Line, Verdict, overall
from nesqc_gmp.installation.protocol import InstallationCase, iq_results, parse_protocol, read_files
from tests.installation.places import COPIED, ROOT, Place

IQ = ROOT / "validation" / "iq"


def protocol_in(folder: Path) -> tuple[InstallationCase, ...]:
    """The cases of a folder."""
    return parse_protocol(read_files(folder))


def verdicts(findings: tuple[Finding, ...]) -> dict[tuple[str, str], Verdict]:
    return {(finding.group, finding.name): finding.verdict for finding in findings}


def test_an_environment_without_digests_is_not_executed(place: Place) -> None:
    place.installation = replace(place.installation, python_version="3.14.1")
    found = verdicts(place.findings())
    assert {found["dependencies", name] for name in COPIED} == {"not executed"}
    assert found["python", "version"] == "failed"


@pytest.mark.parametrize("line", [("python", "implementation"), ("machine", "architecture"), ("machine", "C library")])
def test_another_kind_of_machine_is_not_executed(place: Place, line: tuple[str, str]) -> None:
    lines = [Line(one.group, one.name, "other") if (one.group, one.name) == line else one for one in place.state()]
    found = verdicts(compare(place.manifest, lines, NOT_REQUIRED))
    assert {found["dependencies", name] for name in COPIED} == {"not executed"}
    assert found[line] == "failed"


def test_a_distribution_that_an_environment_does_not_need_must_not_be_there(place: Place) -> None:
    few = tuple(
        one.model_copy(update={"wheels": ()}) if one.name == "rfc8785" else one for one in place.manifest.dependencies
    )
    place.manifest = place.manifest.model_copy(update={"dependencies": few})
    finding = next(one for one in place.findings() if one.name == "rfc8785")
    assert (finding.expected, finding.verdict) == ("not installed", "failed")


def test_a_line_that_the_release_does_not_know_fails(place: Place) -> None:
    lines = [*place.state(), Line("database", "guards of more", "no guard")]
    assert verdicts(compare(place.manifest, lines, NOT_REQUIRED))["database", "guards of more"] == "failed"


def test_a_line_that_is_missing_fails(place: Place) -> None:
    lines = place.state()
    # What the comparison itself needs to choose the digests is looked at above.
    chosen_by = {("python", "version"), ("python", "implementation"), ("machine", "architecture")}
    for line in lines:
        if (line.group, line.name) not in {*chosen_by, ("machine", "C library")}:
            found = compare(place.manifest, [one for one in lines if one != line], NOT_REQUIRED)
            odd = [(one.group, one.name, one.verdict) for one in found if one.verdict != "passed"]
            assert odd == [(line.group, line.name, "failed")]


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (SiteExpectations("Europe/Stockholm", "backup.example:/nesqc", True, "none"), {}),
        (SiteExpectations("Europe/Paris", None, False, None), {("clock", "time zone of the system"): "failed"}),
        (SiteExpectations(None, "elsewhere", False, None), {("backup", "target"): "failed"}),
        (SiteExpectations(None, None, False, "TZ=UTC"), {("python", "environment variables"): "failed"}),
    ],
)
def test_what_a_site_asks_for(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    site: SiteExpectations,
    expected: dict[tuple[str, str], str],
) -> None:
    monkeypatch.setattr("nesqc_gmp.installation.computer.kernel_clock", lambda: (0, 1))
    found = verdicts(compare(place.manifest, place.state(), site))
    assert {key: verdict for key, verdict in found.items() if verdict != "passed"} == expected


def test_a_clock_that_must_be_synchronised_and_is_not(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nesqc_gmp.installation.computer.kernel_clock", lambda: (5, 0x40))
    strict = replace(NOT_REQUIRED, clock_synchronised=True)
    assert verdicts(compare(place.manifest, place.state(), strict))["clock", "kernel"] == "failed"
    finding = next(one for one in compare(place.manifest, place.state(), NOT_REQUIRED) if one.group == "clock")
    assert (finding.expected, finding.actual, finding.verdict) == (RECORDED, "not synchronised", "passed")


def test_what_could_not_be_read_never_passes(place: Place) -> None:
    lines = [
        Line(one.group, one.name, "cannot be read: Input/output error") if one.name == "kernel" else one
        for one in place.state()
    ]
    found = verdicts(compare(place.manifest, lines, NOT_REQUIRED))
    assert found["machine", "kernel"] == found["clock", "kernel"] == "not executed"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "not executed"),
        (["passed"], "passed"),
        (["passed", "not executed"], "not executed"),
        (["not executed", "failed", "passed"], "failed"),
    ],
)
def test_the_verdict_over_several(given: list[Verdict], expected: Verdict) -> None:
    assert overall(given) == expected


class TestProtocol:
    """The cases of the installation qualification."""

    def test_the_committed_cases_look_at_every_line(self, place: Place) -> None:
        findings = place.findings()
        results = iq_results(protocol_in(IQ), findings)
        assert sum(len(result.steps) for result in results) == len(findings)
        assert {result.verdict for result in results} == {"passed"}
        assert [result.case.id for result in results] == [f"IQ-{number}" for number in range(501, 512)]

    def test_one_failed_line_fails_its_case_alone(self, place: Place) -> None:
        place.paths.ledger.chmod(0o666)
        results = iq_results(protocol_in(IQ), place.findings())
        failed = [result for result in results if result.verdict != "passed"]
        assert [(result.case.group, result.verdict) for result in failed] == [("grants", "failed")]
        (step,) = (step for step in failed[0].steps if step.verdict == "failed")
        assert step.do == "ledger"
        assert "mode 0666, writable for everybody" in step.actual

    def test_a_case_without_a_line_is_not_executed(self) -> None:
        results = iq_results(protocol_in(IQ), [Finding("backup", "target", "x", "x", "passed")])
        assert {result.case.group for result in results if result.verdict == "passed"} == {"backup"}
        assert {result.verdict for result in results if result.case.group != "backup"} == {"not executed"}

    def test_a_finding_that_no_case_takes_is_refused(self) -> None:
        protocol = [case for case in protocol_in(IQ) if case.group != "clock"]
        with pytest.raises(InvalidInputError, match="no case looks at the group clock"):
            iq_results(protocol, [Finding("clock", "kernel", "x", "x", "passed")])

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return Path(shutil.copytree(IQ, tmp_path / "iq"))

    def test_a_group_without_a_case_is_refused(self, folder: Path) -> None:
        next(folder.glob("IQ-509-*")).unlink()
        with pytest.raises(InvalidInputError, match="no case looks at the group clock"):
            protocol_in(folder)

    @pytest.mark.parametrize(
        ("old", "new", "what"),
        [
            ('id = "IQ-509"', 'id = "IQ-510"', "the file holds IQ-510"),
            ('group = "clock"', 'group = "backup"', "two cases have the group backup"),
            ('group = "clock"', 'group = "weather"', "the case cannot be used"),
            ('risk = "high"', "", "the case cannot be used"),
            ('risk = "high"', 'risk = "high"\nmore = 1', "the case cannot be used"),
            ('risk = "high"', "risk = high", "the case cannot be used"),
        ],
    )
    def test_a_wrong_case_is_refused(self, folder: Path, old: str, new: str, what: str) -> None:
        path = next(folder.glob("IQ-509-*"))
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(InvalidInputError, match=what):
            protocol_in(folder)

    def test_the_same_case_twice_is_refused(self, folder: Path) -> None:
        shutil.copy(next(folder.glob("IQ-509-*")), folder / "IQ-509-again.toml")
        with pytest.raises(InvalidInputError, match="two cases have the id IQ-509"):
            protocol_in(folder)

    def test_no_protocol_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="no protocol"):
            protocol_in(tmp_path)
