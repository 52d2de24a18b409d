"""Running a frozen plan: the attempt is committed before any score exists, each result before it counts.

Before it opens, everything is compared with what was frozen: the bytes of the package, every test image, the content
of the set, the source of the analysis. What was interrupted or failed stays listed; only that may be run again, with a
reason, and a completed test never. No option relaxes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from nesqc_gmp.decision.model_check import decided
from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import (
    IntegrityError,
    InvalidInputError,
    ModelRefusedError,
    NesqcError,
    NotAuthorisedError,
    OutOfSequenceError,
)
from nesqc_gmp.imaging.check import check
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.inference.engine import Engine, PreparedImage
from nesqc_gmp.ledger import Reader, Transaction
from nesqc_gmp.procedures import models as model_procedures
from nesqc_gmp.procedures import test_sets
from nesqc_gmp.procedures.ahead import ahead
from nesqc_gmp.procedures.context import SYSTEM, Site
from nesqc_gmp.procedures.evaluation import evaluation_versions, require_evaluation
from nesqc_gmp.procedures.process import running, this_process
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.batches import Ending
from nesqc_gmp.records.entry import Entry, Subject
from nesqc_gmp.records.images import AttemptReceipt, InputCheck
from nesqc_gmp.records.model_tests import (
    ImageTested,
    ModelTestClosed,
    ModelTestOpened,
    TestImage,
    TestSetContent,
)
from nesqc_gmp.state.model_tests import (
    NO_TESTS,
    FrozenPlan,
    ModelTest,
    PackageTests,
    SealedSet,
    fold_results,
    fold_test_sets,
    fold_tests,
    get_test_set,
    require_unspent,
    results_id,
    uses_of,
)
from nesqc_gmp.state.models import ModelState, fold_models, get, require_another

if TYPE_CHECKING:
    from nesqc_gmp.procedures.model_tests.report import Material


@dataclass(frozen=True, slots=True)
class Done:
    """One recorded result, handed on only after it was committed."""

    done: int
    total: int
    tested: ImageTested


@dataclass(frozen=True, slots=True)
class Tested:
    """A completed test and the files of its report.

    Attributes:
        model: The package.
        closed: How it ended.
        reports: The report in the folder of reports; in the store where that folder cannot be written.
        not_copied: Why it lies in the store only.
    """

    model: ModelState
    closed: ModelTestClosed
    reports: tuple[Path, ...]
    not_copied: str | None = None


def run(
    session: Session, name: str, reason: str | None = None, shown: Callable[[Done], None] = lambda done: None
) -> Tested:
    """Run the last frozen plan of a package, once.

    Args:
        session: An operator or a test data custodian, who neither froze the plan nor installed the package.
        name: The package.
        reason: Why it is run again, where a run of the same plan ended without figures.
        shown: Called after each result is in the ledger.

    Returns:
        The closed test with its report. A completed test whose report is missing, because the program was killed
        before it was written, is not run again: only its report is written, from the log.

    Raises:
        NotFoundError: The packages that compute figures are not installed; nothing was begun.
        ModelRefusedError: The package is not byte for byte what was installed, or fails its golden run; recorded.
        IntegrityError: A test image or the content of the set was altered; recorded.
        OutOfSequenceError: There is no plan, it was run to its end, or something is not what was frozen; recorded.
        NotAuthorisedError: The person froze the plan or installed the package; recorded.
        KeyboardInterrupt: The person stopped it; the test is closed as aborted.
    """
    require_evaluation()
    site = session.site
    with session.viewing("models.test") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256
    subject = Subject(type="model", id=digest)
    recover(site, digest)
    finished = _finished(session, digest)
    if finished is not None:
        return finished
    with session.acting("models.test", subject) as act:
        prepared = _startable(act.transaction, digest, session.person, reason)
    try:
        engine = model_procedures.start(site, digest)
    except ModelRefusedError as error:
        session.refuse("models.test", error, subject)
    content = _content(session, subject, prepared)
    test_sets.require_unspent_images(session, "models.test", content, digest, "test", prepared.number)
    with session.acting("models.test", subject) as act:
        prepared = _startable(act.transaction, digest, session.person, reason)
        opened = ModelTestOpened(
            model_sha256=digest,
            plan=prepared.plan.frozen.plan,
            test=prepared.number,
            images=len(content.images),
            runtime=engine.runtime_facts(),
            analysis_sha256=_analysis(),
            analysis=evaluation_versions(),
            process=this_process(),
        )
        receipt = act.append(subject, opened, reason)
    with site.ledger.reading() as reader:
        proof = AttemptReceipt(
            record=results_id(digest, prepared.number),
            attempt=prepared.number,
            index=receipt.index,
            checkpoint=reader.checkpoint_note(),
        )
    return _Run(session, prepared, content, engine, proof, receipt.index + 1).score_all(shown)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a run rests on, once nothing stands against it."""

    model: ModelState
    plan: FrozenPlan
    state: SealedSet
    number: int


def _startable(reader: Reader, digest: str, person: str, reason: str | None) -> _Prepared:
    """Asked before the golden run and again when the test opens."""
    models, tests = fold_models(reader.entries_about("model")), fold_tests(reader.entries_about("model"))
    model, package = models[digest], tests.get(digest, NO_TESTS)
    require_another(model, person, "runs the test of")
    plan = package.plan
    if plan is None:
        raise OutOfSequenceError(
            "no plan is frozen for the package", where=model.label, remedy="QA freezes one: `nesqc models plan`."
        )
    if plan.by == person:
        raise NotAuthorisedError("nobody runs the test whose plan they froze", where=model.label)
    if model.standing == "retired":
        raise OutOfSequenceError("the package is retired", where=model.label)
    _require_repeatable(model, package, plan, reason)
    frozen = plan.frozen
    state = get_test_set(fold_test_sets(reader.entries("test-set", frozen.test_set)), frozen.test_set)
    require_unspent(state, uses_of(frozen.test_set, tests, models), model, frozen.plan)
    _require_frozen(model, plan, state)
    return _Prepared(model, plan, state, len(package.tests) + 1)


def _require_repeatable(model: ModelState, package: PackageTests, plan: FrozenPlan, reason: str | None) -> None:
    """A plan runs once; only a run that ended without figures is run again, and somebody says why."""
    earlier = package.of_plan(plan.frozen.plan)
    for test in earlier:
        where = f"{model.label}, test {test.opened.test}"
        if test.completed:
            raise OutOfSequenceError(
                f"plan {plan.frozen.plan} was run to its end: {test.outcome}", where=where,
                remedy="A completed test is never repeated. A new package is tested on a new set.",
            )  # fmt: skip
        if test.closed is None:
            raise OutOfSequenceError("a test of this plan is running", where=where, remedy="Let it end.")
    if earlier and reason is None:
        raise OutOfSequenceError(
            f"test {earlier[-1].opened.test} of this plan was {earlier[-1].outcome}", where=model.label,
            remedy="Say why it is run again: --reason.",
        )  # fmt: skip


def _require_frozen(model: ModelState, plan: FrozenPlan, state: SealedSet) -> None:
    """Analysis, set and intended use are those that the plan froze."""
    frozen, use = plan.frozen, model.intended_use
    if state.sealed.content_sha256 != frozen.content_sha256:
        raise OutOfSequenceError("the test set is not the one that was frozen", where=frozen.test_set)
    if (None if use is None else use.index) != frozen.intended_use:
        raise OutOfSequenceError(
            "another intended use was signed since the plan was frozen", where=model.label,
            remedy="Freeze a new plan under it.",
        )  # fmt: skip
    if _analysis() != frozen.analysis_sha256:
        raise OutOfSequenceError(
            "the software that computes the figures is not the one that was frozen", where="nesqc_gmp.statistics",
            remedy="Run the test with the version that froze the plan, or freeze a new plan with this one.",
        )  # fmt: skip


def _analysis() -> str:
    from nesqc_gmp.statistics.source import analysis_sha256

    return analysis_sha256()


def _content(session: Session, subject: Subject, prepared: _Prepared) -> TestSetContent:
    """The content of the set, its opening recorded, every image hashed again.

    Raises:
        IntegrityError: One was altered; recorded, with an incident.
    """
    site, digest = session.site, prepared.model.model_sha256
    try:
        content = test_sets.open_content(
            session, "models.test", prepared.plan.frozen.test_set, "test", digest, prepared.number
        )[1]
        for image in content.images:
            site.objects.read(image.sha256)
    except IntegrityError as error:
        with site.ledger.writing() as transaction:
            site.open_incident(transaction, "object altered", str(error), results_id(digest, prepared.number))
        session.refuse("models.test", error, subject)
    return content


@dataclass(frozen=True, slots=True)
class _Checked:
    """An image after the input check; prepared for the model only where it passed."""

    image: TestImage
    checked: InputCheck
    prepared: PreparedImage | None


@dataclass(slots=True)
class _Run:
    """One running test; ``seen`` entries of the log are known not to have closed it."""

    session: Session
    prepared: _Prepared
    content: TestSetContent
    engine: Engine
    receipt: AttemptReceipt
    seen: int

    @property
    def digest(self) -> str:
        return self.prepared.model.model_sha256

    def score_all(self, shown: Callable[[Done], None]) -> Tested:
        images = self.content.images
        try:
            with closing(ahead(images, self._prepare, self._predict)) as results:
                for done, result in enumerate(results, start=1):
                    shown(Done(done, len(images), self._commit(result)))
            return self._complete()
        except KeyboardInterrupt:
            self._end("aborted", "stopped by the person")
            raise
        except Exception as error:
            self._end("failed", str(error) if isinstance(error, NesqcError) else f"unexpected {type(error).__name__}")
            if isinstance(error, IntegrityError):
                with self.session.site.ledger.writing() as transaction:
                    self.session.site.open_incident(transaction, "object altered", str(error), self.receipt.record)
            raise

    def _prepare(self, image: TestImage) -> _Checked:
        """Read the original again and check it; no score exists yet."""
        frame = decode(self.session.site.objects.read(image.sha256), name=image.image)
        checked = check(frame, self.prepared.model.input_space, pixel_size_um=image.pixel_size_um)
        return _Checked(image, checked, self.engine.prepare(frame.samples) if checked.passed else None)

    def _predict(self, image: _Checked) -> ImageTested:
        """Predict and decide; the test was committed before this run began."""
        prediction = self.engine.predict_prepared(image.prepared, self.receipt) if image.prepared else None
        findings, outcome = decided(self.prepared.model.manifest, image.image.image, prediction)
        return ImageTested(
            model_sha256=self.digest,
            test=self.prepared.number,
            image=image.image.image,
            sha256=image.image.sha256,
            check=image.checked,
            model_check=findings,
            prediction=prediction,
            outcome=outcome,
        )

    def _commit(self, tested: ImageTested) -> ImageTested:
        subject = Subject(type="model-test", id=self.receipt.record)
        with self.session.acting("models.test", subject) as act:
            self._require_open(act.transaction)
            act.append(subject, tested)
        return tested

    def _require_open(self, reader: Reader) -> None:
        """Nobody who took this process for dead has closed the test meanwhile."""
        for kind, _, about in reader.since(self.seen):
            if kind == "model_test_closed" and about == self.digest:
                raise OutOfSequenceError("the test was closed meanwhile", where=self.receipt.record)
        self.seen = reader.size

    def _complete(self) -> Tested:
        """Figures, verdicts and report from what is in the log; the end is recorded, then the report is kept.

        The record goes first, so that nobody can read a figure that is not in the log. Where the program is killed
        in between, the report is missing; it follows from the log alone and is written again by ``_finished``.
        """
        site, number = self.session.site, self.prepared.number
        material = _material(site, self.digest, number, self.content)
        files = _rendered(material)
        results = [each.model_dump(mode="json") for each in material.results.values()]
        closed = ModelTestClosed(
            model_sha256=self.digest,
            test=number,
            ending="completed",
            tested=len(results),
            detail="every image has a result",
            results_sha256=sha256_hex(canonical_json(results)),
            figures=material.figures,
            criteria=material.criteria,
            verdict=material.verdict,
            report_pdf_sha256=sha256_hex(files["pdf"]),
            report_html_sha256=sha256_hex(files["html"]),
        )
        with site.ledger.writing() as transaction:
            _close(site, transaction, closed)
            if material.verdict != "passed":
                said = f"test {number} came out {material.verdict}"
                site.open_incident_if_active(transaction, self.digest, said)
        return _kept(site, material, closed, files)

    def _end(self, ending: Ending, detail: str) -> None:
        """Close a test that gave no figures; one that is closed already stays as it is."""
        site = self.session.site
        with site.ledger.writing() as transaction:
            if _open_test(transaction, self.digest) is not None:
                _close(site, transaction, _without_figures(transaction, self.digest, ending, detail))


def _material(site: Site, digest: str, number: int, content: TestSetContent) -> Material:
    """What the report of a test tells, from the log as it stood before the test was closed: the same at any time."""
    from nesqc_gmp.procedures.model_tests.figures import assess, figures, scored_rows
    from nesqc_gmp.procedures.model_tests.report import Material

    with site.ledger.reading() as reader:
        results = fold_results(reader.entries("model-test", results_id(digest, number)))
        about = tuple(takewhile(lambda entry: not _closes(entry, number), reader.entries("model", digest)))
        package = fold_tests(about)[digest]
        test = package.tests[-1]
        frozen = package.plans[test.opened.plan - 1].frozen
        openings = [e for e in reader.entries("test-set", frozen.test_set) if e.index < test.index]
    rows = scored_rows(content, results)
    criteria, verdict = assess(frozen, rows)
    return Material(
        founded=site.founded,
        model=fold_models(entry for entry in about if entry.index < test.index)[digest],
        package=package,
        state=fold_test_sets(openings)[frozen.test_set],
        content=content,
        results=results,
        rows=rows,
        figures=figures(rows, frozen.seed),
        criteria=criteria,
        verdict=verdict,
    )


def _closes(entry: Entry, number: int) -> bool:
    return isinstance(entry.record, ModelTestClosed) and entry.record.test == number


def _rendered(material: Material) -> dict[str, bytes]:
    from nesqc_gmp.procedures.model_tests.report import report
    from nesqc_gmp.reports.html import render_html
    from nesqc_gmp.reports.pdf import render_pdf

    document = report(material)
    return {"pdf": render_pdf(document), "html": render_html(document).encode()}


def _kept(site: Site, material: Material, closed: ModelTestClosed, files: dict[str, bytes]) -> Tested:
    """Keep the report in the store, which holds what the record names, and copy it to where people look for it.

    Raises:
        InvalidInputError: The store cannot be written; the test is completed all the same.
    """
    model = material.model
    try:
        stored = tuple(site.objects.path(site.objects.put(data)) for data in files.values())
    except OSError as error:
        raise InvalidInputError(
            f"test {closed.test} is completed: {closed.verdict}; its report cannot be written: {error.strerror}",
            where=str(error.filename or site.paths.objects),
            remedy="Make room there; then `nesqc models test` writes the report from the log.",
        ) from error
    name = f"{model.manifest.name}-{model.manifest.model_version}-{model.model_sha256[:8]}-test-{closed.test}"
    copies = tuple(site.paths.reports / f"{name}.{kind}" for kind in files)
    try:
        site.paths.reports.mkdir(exist_ok=True)
        for path, data in zip(copies, files.values(), strict=True):
            path.write_bytes(data)
    except OSError as error:
        return Tested(model, closed, stored, f"{error.filename}: {error.strerror}")
    return Tested(model, closed, copies)


def _finished(session: Session, digest: str) -> Tested | None:
    """The completed test of the last plan with its report written again, ``None`` where nothing of it is missing.

    Raises:
        IntegrityError: What follows from the log now is not the report that the record names; recorded.
    """
    site = session.site
    with site.ledger.reading() as reader:
        package = fold_tests(reader.entries("model", digest)).get(digest, NO_TESTS)
    closed = package.completed.closed if package.completed else None
    named = () if closed is None else (closed.report_pdf_sha256, closed.report_html_sha256)
    if closed is None or package.plan is None or all(each and site.objects.path(each).exists() for each in named):
        return None
    _, content = test_sets.open_content(
        session, "models.test", package.plan.frozen.test_set, "test", digest, closed.test
    )  # fmt: skip
    material = _material(site, digest, closed.test, content)
    files = _rendered(material)
    if tuple(sha256_hex(data) for data in files.values()) != named:
        altered = IntegrityError(
            "the report that is missing cannot be written again byte for byte", where=results_id(digest, closed.test),
            remedy="Use the version of the tool that made it, or restore it from the backup.",
        )  # fmt: skip
        session.refuse("models.test", altered, Subject(type="model", id=digest))
    return _kept(site, material, closed, files)


def _open_test(reader: Reader, digest: str) -> ModelTest | None:
    package = fold_tests(reader.entries("model", digest)).get(digest, NO_TESTS)
    return next((test for test in package.tests if test.closed is None), None)


def _without_figures(reader: Reader, digest: str, ending: Ending, detail: str) -> ModelTestClosed:
    """The end of the open test; results are counted in the log, since a stop can fall between commit and count."""
    test = _open_test(reader, digest)
    if test is None:
        raise OutOfSequenceError("the test was closed meanwhile", where=digest[:16])
    number = test.opened.test
    tested = len(fold_results(reader.entries("model-test", results_id(digest, number))))
    return ModelTestClosed(model_sha256=digest, test=number, ending=ending, tested=tested, detail=detail[:2000])


def _close(site: Site, transaction: Transaction, closed: ModelTestClosed) -> None:
    test = _open_test(transaction, closed.model_sha256)
    if test is None or test.opened.test != closed.test:
        raise OutOfSequenceError("the test was closed meanwhile", where=results_id(closed.model_sha256, closed.test))
    site.append(transaction, SYSTEM, Subject(type="model", id=closed.model_sha256), closed)


def recover(site: Site, digest: str) -> bool:
    """Close a test whose process is gone as aborted, and open an incident; returns whether there was one."""
    with site.ledger.reading() as reader:
        test = _open_test(reader, digest)
    if test is None or running(test.opened.process):
        return False
    with site.ledger.writing() as transaction:
        if _open_test(transaction, digest) is None:
            return False
        closed = _without_figures(
            transaction, digest, "aborted", "the program ended without closing the test; results so far are kept"
        )
        _close(site, transaction, closed)
        detail = f"{results_id(digest, closed.test)}: {closed.detail}, {closed.tested} of {test.opened.images} images"
        site.open_incident(transaction, "interrupted attempt", detail, results_id(digest, closed.test))
    return True
