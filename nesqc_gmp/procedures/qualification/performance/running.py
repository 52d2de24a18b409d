"""The run of a performance qualification: opened once, continued over days by its tester, closed when it is complete.

Every case is in the log as soon as it is done. The process may end between two cases: an open run is no interrupted
one. A case can be executed again, and every execution stays; the last one counts, and each that did not pass needs its
deviation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nesqc_gmp.errors import NotAuthorisedError, NotFoundError, OutOfSequenceError
from nesqc_gmp.procedures.evaluation import require_evaluation
from nesqc_gmp.procedures.qualification.common import load_validation, subject
from nesqc_gmp.procedures.qualification.performance.execution import Given, executed, require_given
from nesqc_gmp.procedures.qualification.performance.material import load
from nesqc_gmp.procedures.qualification.performance.protocol import PerformanceProtocol
from nesqc_gmp.procedures.qualification.runs import Execution, Installed, close_run, record_case, require_before
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import as_entered
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.performance import ConclusionCase, PeopleCase, PerformanceCase, ProceduresCase
from nesqc_gmp.records.qualification import CaseExecuted
from nesqc_gmp.state.models import ModelState, fold_models, get, require_another
from nesqc_gmp.state.qualification import Run, Validation


@dataclass(frozen=True, slots=True)
class PerformanceRun:
    """An open run of one model.

    Attributes:
        model: The package.
        protocol: The approved protocol, as it was read.
        run: The run with what was recorded so far.
    """

    model: ModelState
    protocol: PerformanceProtocol
    run: Run

    @property
    def next_case(self) -> PerformanceCase | None:
        """The first case without a result; the conclusion again where a case was executed after it."""
        for case in self.protocol.cases:
            if case.id not in self.run.last:
                return case
        last = self.protocol.cases[-1]
        return last if isinstance(last, ConclusionCase) and self.run.cases[-1].case != last.id else None


def begin(session: Session, name: str, protocol: PerformanceProtocol, installed: Installed) -> PerformanceRun:
    """Continue the open run of a model, or open one.

    Args:
        session: A validation engineer who did not install the package.
        name: The package.
        protocol: The cases as they lie in files now.
        installed: The installed state now.

    Raises:
        NotFoundError: No installed package fits the name, or the packages that compute figures are not installed.
        NotAuthorisedError: The person installed the package, or another person opened the run; recorded.
        OutOfSequenceError: The package is retired, the protocol is not approved in this form, or protocol or installed
            state are not those of the open run; recorded.
        NotQualifiedError: The operational qualification of the installed state is not approved; recorded.
    """
    require_evaluation()
    with session.viewing("qualify.pq") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256
    with session.acting("qualify.pq", Subject(type="model", id=digest)) as act:
        model = fold_models(act.transaction.entries("model", digest))[digest]
        require_another(model, session.person, "qualifies")
        if model.standing == "retired":
            raise OutOfSequenceError("the package is retired", where=model.label)
        validation = load_validation(act.transaction)
        run = _open_run(validation, digest)
        if run is not None:
            _require_continued(run, validation, session.person, protocol, installed)
    if run is None:
        number = Execution(session, protocol.content, protocol.protocol_sha256, installed, digest).run
        run = _read(session, number)
    return PerformanceRun(model, protocol, run)


def find_open(session: Session, name: str) -> Run | None:
    """The open run of a model; ``None`` where there is none.

    Raises:
        NotFoundError: No installed package fits the name.
    """
    with session.viewing("qualify.pq") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256
        return _open_run(load_validation(reader), digest)


def _open_run(validation: Validation, digest: str) -> Run | None:
    runs = validation.runs.values()
    return next((r for r in runs if r.opened.stage == "PQ" and r.opened.model_sha256 == digest and not r.closed), None)


def _require_continued(
    run: Run, validation: Validation, person: str, protocol: PerformanceProtocol, installed: Installed
) -> None:
    """The same person, the same protocol, the same installed state, and both are still approved."""
    _require_own(run, protocol, person)
    approved = validation.approved_document("PQ protocol")
    if approved is None or approved.prepared.subject_sha256 != run.opened.protocol_sha256:
        raise OutOfSequenceError(
            "another protocol was approved since the run was opened", where=run.number,
            remedy="Stop the run and begin again with the protocol that is approved.",
        )  # fmt: skip
    if installed.sha256 != run.opened.state_sha256:
        raise OutOfSequenceError(
            "the installed state is not the one with which the run was opened", where=run.number,
            remedy="Put it back; or stop the run, bring the change under control, and begin again.",
        )  # fmt: skip
    require_before(validation, "PQ", installed.sha256)


def _read(session: Session, number: str) -> Run:
    with session.viewing("qualify.pq") as reader:
        return load_validation(reader).run(number)


def execute(session: Session, begun: PerformanceRun, number: str, given: Given) -> CaseExecuted:
    """Execute one case and record its result, whatever it is.

    Args:
        session: The tester.
        begun: The open run.
        number: The case.
        given: What the tester states and hands in.

    Returns:
        What was recorded.

    Raises:
        NotFoundError: The protocol has no such case.
        InvalidInputError: What was given does not belong to the case, or the table is wrong; nothing was recorded.
        IntegrityError: The content of the test set was altered; recorded.
        OutOfSequenceError: The run was closed meanwhile, or was opened with another protocol; recorded.
        NotAuthorisedError: Another person opened it; recorded.
    """
    case = begun.protocol.case(number)
    require_given(case, given)
    started = session.site.now()
    with session.acting("qualify.pq", subject(begun.run.number)) as act:
        run = load_validation(act.transaction).run(begun.run.number)
        _require_own(run, begun.protocol, session.person)
    material = load(session, case, run)
    done = executed(case, material, given, started, session.site.now())
    record_case(session, "qualify.pq", done.case, done.files)
    return done.case


def refreshed(session: Session, begun: PerformanceRun) -> PerformanceRun:
    """The same run with everything that was recorded meanwhile."""
    return replace(begun, run=_read(session, begun.run.number))


def _require_own(run: Run, protocol: PerformanceProtocol, person: str) -> None:
    """The run is open, of this person, and executes this protocol."""
    if run.closed is not None:
        raise OutOfSequenceError("the run was closed meanwhile", where=run.number, remedy="See `nesqc qualify status`.")
    if run.by.person != person:
        raise NotAuthorisedError(
            f"{run.by.name} opened the run and signs it as performed", where=run.number,
            remedy="That person goes on, or stops it with `nesqc qualify pq --stop`.",
        )  # fmt: skip
    if protocol.protocol_sha256 != run.opened.protocol_sha256:
        raise OutOfSequenceError(
            "the protocol is not the one with which the run was opened", where=run.number,
            remedy="Put the files back; or stop the run and begin again once the new protocol is approved.",
        )  # fmt: skip


def close(session: Session, begun: PerformanceRun) -> Run:
    """Close a run of which every case has a result; its evidence is hashed again first.

    Raises:
        OutOfSequenceError: A case has no result, a role or a reference is missing, or the conclusion is not the last;
            recorded.
        IntegrityError: A file of the evidence was altered; recorded.
    """
    about = subject(begun.run.number)
    with session.acting("qualify.pq", about) as act:
        run = load_validation(act.transaction).run(begun.run.number)
        _require_own(run, begun.protocol, session.person)
        _require_complete(begun.protocol, run)
        for each in run.cases:
            for evidence in each.evidence:
                session.site.objects.read(evidence.sha256)
    close_run(session.site, run.number, "completed", "every case was gone through")
    return _read(session, run.number)


def _require_complete(protocol: PerformanceProtocol, run: Run) -> None:
    for case in protocol.cases:
        result = run.last.get(case.id)
        if result is None:
            raise OutOfSequenceError(f"{case.id} has no result", where=run.number, remedy="Execute it first.")
        # No deviation stands in for a person or a procedure: without them nobody performs the process.
        if isinstance(case, PeopleCase | ProceduresCase) and result.verdict != "passed":
            raise OutOfSequenceError(
                f"{case.id} {result.verdict}: {result.reason}"[:500], where=run.number,
                remedy="A missing role or reference blocks the end. Provide it and execute the case again.",
            )  # fmt: skip
        if isinstance(case, ConclusionCase):
            _require_concluded(case, result, run)


def _require_concluded(case: ConclusionCase, result: CaseExecuted, run: Run) -> None:
    if result.verdict == "not executed" or run.cases[-1].case != case.id:
        why = "nothing was concluded" if result.verdict == "not executed" else "a case was executed after it"
        raise OutOfSequenceError(
            f"{case.id} is to be executed again: {why}", where=run.number, remedy="Conclude at the end."
        )


def stop(session: Session, name: str, reason: str) -> Run:
    """Close the open run of a model as aborted; it stays listed with everything it recorded.

    Raises:
        NotFoundError: The model has no open run, or there is no such model.
        InvalidInputError: The reason is too short or too long.
    """
    reason = as_entered(reason)
    run = find_open(session, name)
    if run is None:
        raise NotFoundError("no run of this model is open", where=name, remedy="See `nesqc qualify status`.")
    close_run(session.site, run.number, "aborted", f"stopped by {session.person}: {reason}")
    return _read(session, run.number)
