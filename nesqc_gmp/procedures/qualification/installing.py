"""The installation qualification: the installed state beside the signed release manifest, case by case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.ledger import Reader
from nesqc_gmp.notes import NoteVerifier
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.qualification.present import backup_target, read_state
from nesqc_gmp.procedures.qualification.runs import Execution, Installed
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.qualification import (
    CaseExecuted,
    CaseVerdict,
    Evidence,
    PlannedCase,
    PlannedStep,
    ProtocolContent,
    StepResult,
)
from nesqc_gmp.records.site import RestoreTested
from nesqc_gmp.state.qualification import Validation

if TYPE_CHECKING:
    from nesqc_gmp.installation.comparison import SiteExpectations
    from nesqc_gmp.installation.lines import Finding
    from nesqc_gmp.installation.protocol import CaseResult, InstallationCase
    from nesqc_gmp.installation.release import Release

FOLDER: Final = "iq"
RELEASE: Final = "release"
RESTORE_AGE: Final = timedelta(days=30)
"""Oldest restore test that a production site may have at its installation qualification."""

_NEED_BACKUP: Final = "a backup whose restore test passed in the last 30 days (`nesqc site backup`)"


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol as it is executed; all three come from the same bytes.

    Attributes:
        content: What is planned.
        sha256: Digest of the files that are executed.
        cases: The cases.
    """

    content: ProtocolContent
    sha256: str
    cases: tuple[InstallationCase, ...]


def installation_protocol(validation: Path, release_key: str | None) -> Protocol:
    """The protocol of the installation qualification, from the folder of the release.

    Args:
        validation: The folder.
        release_key: The key of the releases as the site received it another way; it is approved with the protocol.

    Raises:
        NotFoundError: There is none.
        InvalidInputError: A case cannot be used.
    """
    from nesqc_gmp.installation.protocol import parse_protocol, read_files

    data = read_files(validation / FOLDER)
    cases = parse_protocol(data)
    files = tuple(Evidence(name=f"{FOLDER}/{name}", sha256=sha256_hex(each)) for name, each in data.items())
    digest = sha256_hex(canonical_json([[file.name, file.sha256] for file in files] + [["release key", release_key]]))
    planned = tuple(map(_planned, cases))
    content = ProtocolContent(stage="IQ", files=files, cases=planned, release_key=release_key)
    return Protocol(content, digest, cases)


def _planned(case: InstallationCase) -> PlannedCase:
    step = PlannedStep(
        do=f"Read every line of the group {case.group} of the installed state and compare it with the signed release "
        "manifest and with what the site states.",
        expected=case.expected,
    )
    return PlannedCase(
        case=case.id,
        title=case.title,
        requirements=case.requirements,
        findings=case.findings,
        risk=case.risk,
        prerequisites=case.prerequisites,
        steps=(step,),
    )


def require_released(site: Site, validation: Path, files: Mapping[str, str]) -> None:
    """On a production site a protocol is executed as it was released, file by file.

    Args:
        site: The site.
        validation: Folder ``validation`` of the release.
        files: SHA-256 of each file by its path inside that folder.

    Raises:
        InvalidInputError: A file is not the one of the signed manifest; names it.
        IntegrityError: The manifest is not what was signed.
    """
    if not site.founded.for_gmp_use:
        return
    from nesqc_gmp.installation.release import open_release

    released = {each.path: each.sha256 for each in open_release(validation / RELEASE).manifest.validation}
    for name, digest in files.items():
        if released.get(name) != digest:
            raise InvalidInputError(
                "this file of the protocol is not the one that was released", where=name,
                remedy="Take the folder validation of the release as it came.",
            )  # fmt: skip


def run_installation(session: Session, validation: Path, shown: Callable[[int, int], None]) -> str:
    """Compare the installed state with the release manifest, and record every case.

    Args:
        session: A validation engineer.
        validation: Folder ``validation`` of the release.
        shown: Told how many of how many cases are recorded.

    Returns:
        The number of the run.

    Raises:
        IntegrityError: The manifest is not what was signed.
        OutOfSequenceError: Plan or protocol is not approved in this form.
    """
    from nesqc_gmp.installation.comparison import compare
    from nesqc_gmp.installation.lines import Line
    from nesqc_gmp.installation.protocol import iq_results
    from nesqc_gmp.installation.release import open_release

    site = session.site
    with session.viewing("qualify.iq") as reader:
        text = _approved_key(site, load_validation(reader))
    release = open_release(validation / RELEASE, NoteVerifier.parse(text) if text else None)
    protocol = installation_protocol(validation, text)
    started = site.now()
    with site.ledger.reading() as reader:
        present = read_state(site, reader, release.manifest.locked(), anew=True, shipped=validation)
        expected = _expectations(site, reader)
    installed = Installed(present.lines, present.sha256, release.manifest_sha256)
    lines = [Line(line.group, line.name, line.value) for line in present.every]  # type: ignore[arg-type]
    findings = (*compare(release.manifest, lines, expected), _release(site, release))
    results = iq_results(protocol.cases, findings)
    with Execution(session, protocol.content, protocol.sha256, installed) as execution:
        for done, result in enumerate(results, start=1):
            evidence = canonical_json([[s.do, s.expected, s.actual, s.verdict] for s in result.steps])
            execution.record(_executed(execution.run, site, result, evidence, started), (evidence,))
            shown(done, len(results))
    return execution.run


def _approved_key(site: Site, validation: Validation) -> str | None:
    """The release key that QA approved with the protocol; ``None`` where it names none."""
    document = validation.approved_document("IQ protocol")
    if document is None:
        return None
    content = ProtocolContent.model_validate_json(site.objects.read(document.prepared.content_sha256))
    return content.release_key


def _expectations(site: Site, reader: Reader) -> SiteExpectations:
    """What a production site has to have; of any other site it is recorded only."""
    from nesqc_gmp.installation.comparison import NOT_REQUIRED, SiteExpectations

    if not site.founded.for_gmp_use:
        return NOT_REQUIRED
    target = backup_target(reader) if _restore_passed(site, reader) else None
    return SiteExpectations(
        zone=site.founded.zone, backup_target=target or _NEED_BACKUP, clock_synchronised=True, variables="none"
    )


def _restore_passed(site: Site, reader: Reader) -> bool:
    tests = [e for e in reader.entries_of({"restore_tested"}) if isinstance(e.record, RestoreTested)]
    if not tests or not isinstance(tests[-1].record, RestoreTested) or tests[-1].record.findings:
        return False
    return site.moment() - datetime.fromisoformat(tests[-1].time.utc) <= RESTORE_AGE


def _release(site: Site, release: Release) -> Finding:
    """Who signed the manifest: a release key that the site received another way, or a key of development."""
    from nesqc_gmp.installation.lines import Finding

    standing = release.manifest.standing
    where = "approved with the protocol" if release.pinned else "which lies beside it"
    actual = f"{standing}, signed by {release.key}, {where}"
    good = standing == "release" and release.pinned
    required = "a release, signed by the key that QA approved with the protocol"
    if site.founded.for_gmp_use:
        return Finding("software", "release manifest", required, actual, "passed" if good else "failed")
    return Finding("software", "release manifest", "signed; standing and key are recorded", actual, "passed")


def _executed(run: str, site: Site, result: CaseResult, evidence: bytes, started: Instant) -> CaseExecuted:
    case, now = result.case, site.now()
    verdict: CaseVerdict = result.verdict
    steps = tuple(
        StepResult(do=s.do[:2000], expected=s.expected[:2000], actual=s.actual[:2000], verdict=s.verdict)
        for s in result.steps
    )
    return CaseExecuted(
        run=run,
        case=case.id,
        title=case.title,
        requirements=case.requirements,
        findings=case.findings,
        risk=case.risk,
        prerequisites=case.prerequisites,
        steps=steps,
        verdict=verdict,
        reason=None if verdict != "not executed" else "at least one line has nothing it could be compared with",
        evidence=(Evidence(name=f"{case.id}.json", sha256=sha256_hex(evidence)),),
        started=started,
        ended=now,
    )
