"""The operational qualification of a site: the protocol executed apart from it, every result recorded in its log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.procedures.context import Site, instant_of
from nesqc_gmp.procedures.qualification.enforcement import installed_for
from nesqc_gmp.procedures.qualification.installing import require_released
from nesqc_gmp.procedures.qualification.runs import Execution
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.qualification.oq.protocol import OqProtocol, Seed, read_protocol
from nesqc_gmp.qualification.oq.results import CaseResult
from nesqc_gmp.qualification.oq.runner import execute
from nesqc_gmp.records.qualification import CaseExecuted, Evidence, PlannedCase, PlannedStep, ProtocolContent
from nesqc_gmp.state.qualification import difference_words, differences

Shown = Callable[[int, int, CaseResult], None]
"""Told how many of how many cases are recorded, and the last one."""


def content_of(protocol: OqProtocol) -> ProtocolContent:
    """What is planned: every case, then every seeded fault, which qualifies the runner itself."""
    cases = [
        PlannedCase(
            case=case.id,
            title=case.title,
            requirements=case.requirements,
            findings=case.findings,
            risk=case.risk,
            prerequisites=case.prerequisites,
            steps=tuple(PlannedStep(do=step.do, expected=step.expected) for step in case.steps),
        )
        for case in protocol.cases
    ]
    cases += [_seeded(seed) for seed in protocol.seeds]
    files = tuple(Evidence(name=name, sha256=digest) for name, digest in protocol.files.items())
    return ProtocolContent(stage="OQ", files=files, cases=tuple(cases))


def _seeded(seed: Seed) -> PlannedCase:
    return PlannedCase(
        case=seed.id,
        title=seed.heading,
        requirements=(),
        findings=(),
        risk="high",
        prerequisites=seed.prerequisites,
        steps=(PlannedStep(do=seed.planned.do, expected=seed.planned.expected),),
    )


def run_operational(session: Session, validation: Path, out: Path, model: Path, shown: Shown) -> str:
    """Execute the protocol on sites made for it in a folder of their own, and record every result as it ends.

    Args:
        session: A validation engineer.
        validation: Folder ``validation`` of the release.
        out: A new folder outside of every site, for the qualification sites and transcripts.
        model: The model package that the qualification sites use.
        shown: Told each result after it was recorded.

    Returns:
        The number of the run.

    Raises:
        OutOfSequenceError: Plan or protocol is not approved in this form.
        NotQualifiedError: The installation qualification of the installed state is not approved.
        InvalidInputError: The folder holds something, or lies in a site; or, on a production site, the protocol is not
            the one that was released.
        IntegrityError: The installed state changed during the run, or evidence did.
    """
    site = session.site
    protocol = read_protocol(validation)
    require_released(site, validation, protocol.files)
    content = content_of(protocol)
    installed = installed_for(session, "qualify.oq")
    with Execution(session, content, protocol.protocol_sha256, installed) as run:
        for done, result in enumerate(execute(protocol, out, model), start=1):
            case, files = _recorded(site, run.run, result, out)
            run.record(case, files)
            shown(done, len(content.cases), result)
        after = installed_for(session, "qualify.oq", anew=False)
        if after.sha256 != installed.sha256:
            found = "; ".join(difference_words(each) for each in differences(installed.lines, after.lines))
            raise IntegrityError(f"the installed state changed during the run: {found}"[:2000], where=run.run)
    return run.run


def _recorded(site: Site, run: str, result: CaseResult, out: Path) -> tuple[CaseExecuted, list[bytes]]:
    def instant(moment: datetime) -> object:
        return instant_of(moment, site.founded.zone)

    case = CaseExecuted.model_validate(
        {
            "run": run,
            "started": instant(result.started),
            "ended": instant(result.ended),
            **{name: getattr(result, name) for name in (
                "case", "title", "requirements", "findings", "risk", "prerequisites", "steps", "verdict", "reason",
                "evidence",
            )},
        }
    )  # fmt: skip
    return case, [(out / "evidence" / each.name).read_bytes() for each in result.evidence]
