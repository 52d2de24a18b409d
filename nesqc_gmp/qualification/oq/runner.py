"""Executing a protocol on sites made for it, with the installed tool.

Every case works on its own copy of a starting site, so cases neither need nor disturb each other, and two run at once.
Each gives one result, whatever happens: a step that fails ends its case and not the run, a fault of the runner is a
failed case, and after Ctrl-C what ran is reported and the rest is not executed. Nothing that did not run is passed.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import NotFoundError
from nesqc_gmp.qualification.oq.actions import act
from nesqc_gmp.qualification.oq.case import Case, Step
from nesqc_gmp.qualification.oq.judging import judge, shortened
from nesqc_gmp.qualification.oq.place import Place, require_apart, set_up
from nesqc_gmp.qualification.oq.process import Piped, Processes, StoppedError
from nesqc_gmp.qualification.oq.protocol import NOT_EXECUTED, OqProtocol, Seed
from nesqc_gmp.qualification.oq.results import CaseResult
from nesqc_gmp.qualification.oq.tool import Tool, ToolFacts
from nesqc_gmp.records.qualification import CaseVerdict, Evidence, StepResult

AT_ONCE: Final = 2
TRANSCRIPT: Final = "transcript.txt"
_STOPPED: Final = "The run was stopped by the person (Ctrl-C)."


def execute(protocol: OqProtocol, out: Path, model: Path, tool: Tool | None = None) -> Iterator[CaseResult]:
    """Execute a protocol; every result is given as soon as it is there.

    Ctrl-C during the run ends what runs, and the remaining results are given as not executed; nothing is raised.

    Args:
        protocol: What is executed.
        out: A new folder outside of every site; transcripts and evidence are left in ``evidence``, and the sites of
            cases that did not pass in ``cases``.
        model: The model package that the qualification sites use.
        tool: The tool that is qualified; else the one that is installed for this interpreter.

    Raises:
        InvalidInputError: The folder holds something, or is or lies in a site.
        NotFoundError: The tool is not installed, or there is no model package.
    """
    require_apart(out)
    if not (model / "manifest.json").is_file():
        raise NotFoundError("there is no model package", where=str(model), remedy="Name the folder of a package.")
    chosen = tool or Tool()
    run = _Run(protocol, out.resolve(), model.resolve(), chosen, chosen.facts())
    for folder in (run.out, run.evidence, run.out / "cases"):
        folder.mkdir(parents=True, exist_ok=True)
    return run.results()


@dataclass(slots=True)
class _Run:
    """One execution of a protocol."""

    protocol: OqProtocol
    out: Path
    model: Path
    tool: Tool
    facts: ToolFacts
    processes: Processes = field(default_factory=Processes)

    @property
    def evidence(self) -> Path:
        return self.out / "evidence"

    @property
    def sites(self) -> Path:
        return self.out / "sites"

    def results(self) -> Iterator[CaseResult]:
        verdicts: dict[str, CaseVerdict] = {}
        with ThreadPoolExecutor(AT_ONCE) as pool, _interrupts(self.processes):
            # Not in this thread: the one that heeds Ctrl-C holds no lock.
            obstacle = pool.submit(self._make_sites).result()
            for result in _as_they_end(
                [pool.submit(self._case, case, self.tool, case.id, obstacle) for case in self.protocol.cases]
            ):
                verdicts[result.case] = result.verdict
                yield result
            yield from _as_they_end([pool.submit(self._seed, seed, verdicts) for seed in self.protocol.seeds])
            shutil.rmtree(self.sites, ignore_errors=True)

    def _make_sites(self) -> str | None:
        """Make the starting sites; why that did not work, ``None`` where it did."""
        starts = sorted({case.start for case in self.protocol.cases})
        words = self.tool.module("nesqc_gmp.qualification.oq.sites", [str(self.sites), str(self.model), *starts])
        place = Place(self.out, self.tool, self.protocol.drivers, self.processes)
        try:
            ended = Piped(self.processes, words, self.out, place.environment(None, {})).wait()
        except StoppedError:
            return _STOPPED
        if ended.exit == 0:
            return None
        return shortened(f"The starting sites could not be made: {ended.fault or ''} {ended.text[-1500:]}")

    def _case(self, case: Case, tool: Tool, name: str, obstacle: str | None) -> CaseResult:
        """One case; also as another name, where a seeded fault is what it is run for."""
        started = datetime.now(UTC)
        if obstacle is None and case.needs == "evaluate" and not self.facts.evaluate:
            obstacle = "The extra [evaluate] is not installed for the tool."
        if self.processes.stopped:
            obstacle = _STOPPED
        place = Place(self.out / "cases" / name, tool, self.protocol.drivers, self.processes)
        place.note(f"{name}: {case.title}", f"nesqc {self.facts.version}, starting site: {case.start}", "")
        steps, reason = ([_not_reached(step) for step in case.steps], obstacle) if obstacle else self._run(case, place)
        verdict = _verdict(steps)
        kept = self._keep(case, place, name)
        if verdict == "passed":
            shutil.rmtree(place.folder, ignore_errors=True)
        return self._told(
            started, kept, case=name, title=case.title, requirements=case.requirements, findings=case.findings,
            risk=case.risk, negative=case.negative, prerequisites=case.prerequisites, steps=tuple(steps),
            verdict=verdict, reason=reason,
        )  # fmt: skip

    def _run(self, case: Case, place: Place) -> tuple[list[StepResult], str | None]:
        """Go through the steps until one fails; the results of all, and why the case did not pass."""
        done: list[StepResult] = []
        reason = None
        try:
            set_up(case, self.sites, place.folder)
            for number, step in enumerate(case.steps, 1):
                done.append(_step(number, step, place))
                if done[-1].verdict == "failed":
                    reason = f"Step {number}: {done[-1].actual}"
                    break
        except StoppedError:
            reason = _STOPPED
        except Exception as error:
            # Whatever breaks, the case is reported, and as failed.
            told = shortened(f"A fault of the runner or of the case file: {type(error).__name__}: {error}")
            done.append(_step_result(case.steps[len(done)], told, "failed"))
            place.note(told)
            reason = f"Step {len(done)}: {told}"
        rest = [_not_reached(step) for step in case.steps[len(done) :]]
        return [*done, *rest], None if reason is None else shortened(reason)

    def _keep(self, case: Case, place: Place, name: str) -> tuple[Evidence, ...]:
        """Keep the transcript and what the steps produced."""
        folder = self.evidence / name
        folder.mkdir()
        files = {TRANSCRIPT: "\n".join([*place.transcript, ""]).encode()}
        for pattern in case.produced:
            files |= {path.name: path.read_bytes() for path in sorted(place.folder.glob(pattern)) if path.is_file()}
        for file, data in files.items():
            (folder / file).write_bytes(data)
        return tuple(Evidence(name=f"{name}/{file}", sha256=sha256_hex(data)) for file, data in files.items())

    def _seed(self, seed: Seed, verdicts: dict[str, CaseVerdict]) -> CaseResult:
        """Run the case in a copy of the tool with the fault; the case has to fail, and at the step that is named."""
        started = datetime.now(UTC)
        copy = self.out / "copies" / seed.id
        evidence: tuple[Evidence, ...] = ()
        step, obstacle = seed.planned, self._seed_obstacle(seed, verdicts)
        if obstacle is None:
            found = _patch(self.facts.folder, copy, seed)
            if found == 1:
                case = next(case for case in self.protocol.cases if case.id == seed.case)
                seen = self._case(case, Tool(self.tool.python, copy), seed.id, None)
                step, evidence = _caught(step, seen, seed), seen.evidence
            else:
                told = f"The text that the fault replaces stands there {found} times."
                step = step.model_copy(update={"actual": told, "verdict": "failed"})
            for folder in (copy, self.out / "cases" / seed.id):
                shutil.rmtree(folder, ignore_errors=True)
        return self._told(
            started, evidence, case=seed.id, title=seed.heading, requirements=(), findings=(), risk="high",
            negative=True, prerequisites=seed.prerequisites, steps=(step,), verdict=step.verdict,
            reason=None if step.verdict == "passed" else obstacle or step.actual,
        )  # fmt: skip

    def _seed_obstacle(self, seed: Seed, verdicts: dict[str, CaseVerdict]) -> str | None:
        if self.processes.stopped:
            return _STOPPED
        if verdicts.get(seed.case) != "passed":
            return f"{seed.case} did not pass without the fault, so its failing would show nothing."
        return None

    def _told(self, started: datetime, evidence: tuple[Evidence, ...], **said: Any) -> CaseResult:
        """A result with what is the same for cases and seeded faults."""
        return CaseResult(
            **said,
            evidence=evidence,
            version=self.facts.version,
            folder=str(self.facts.folder),
            started=started,
            ended=datetime.now(UTC),
        )


def _as_they_end(futures: list[Future[CaseResult]]) -> Iterator[CaseResult]:
    for future in as_completed(futures):
        yield future.result()


def _step(number: int, step: Step, place: Place) -> StepResult:
    place.note(f"Step {number}: {step.do}", f"  expected: {step.expected}")
    seen = act(step, place)
    judged = judge(step, seen, place)
    verdict: CaseVerdict = "passed" if judged.passed else "failed"
    place.note(
        seen.text.rstrip("\n"), f"  exit code {seen.exit}: {verdict}", *([] if judged.passed else [judged.actual]), ""
    )
    return _step_result(step, judged.actual, verdict)


def _step_result(step: Step, actual: str, verdict: CaseVerdict) -> StepResult:
    return StepResult(do=step.do, expected=step.expected, actual=actual, verdict=verdict)


def _not_reached(step: Step) -> StepResult:
    return _step_result(step, NOT_EXECUTED, "not executed")


def _verdict(steps: list[StepResult]) -> CaseVerdict:
    """Failed where a step failed; passed only where every step passed."""
    verdicts = {step.verdict for step in steps}
    if "failed" in verdicts:
        return "failed"
    return "passed" if verdicts == {"passed"} else "not executed"


def _patch(package: Path, copy: Path, seed: Seed) -> int:
    """Copy the package and put the fault into it; how often the text was found."""
    shutil.copytree(package, copy / package.name)
    file = copy / package.name / seed.file
    text = file.read_text("utf-8") if file.is_file() else ""
    file.write_text(text.replace(seed.find, seed.replace), "utf-8")
    return text.count(seed.find)


def _caught(step: StepResult, seen: CaseResult, seed: Seed) -> StepResult:
    """Whether the case failed where it had to."""
    failed = next((number for number, each in enumerate(seen.steps, 1) if each.verdict == "failed"), None)
    if failed is None:
        actual = f"{seed.case} {seen.verdict}: the fault was not noticed."
    else:
        actual = f"{seed.case} failed at step {failed}: {seen.steps[failed - 1].actual}"
    verdict: CaseVerdict = "passed" if failed == seed.step else "failed"
    if seen.verdict == "not executed":
        verdict = "not executed"
    return step.model_copy(update={"actual": shortened(actual), "verdict": verdict})


@contextlib.contextmanager
def _interrupts(processes: Processes) -> Iterator[None]:
    """Ctrl-C stops the run in an orderly way; a second one is not waited for."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Callable[..., object] | int | None = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        processes.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        processes.stop()
