"""A tested package, put together from the recorded predictions of an analysed batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Signer
from nesqc_gmp.records.entry import Actor, Subject
from nesqc_gmp.records.model_tests import (
    CriterionResult,
    Figure,
    ImageTested,
    ModelTestClosed,
    ModelTestOpened,
    PlannedCriterion,
    TestImage,
    TestPlanFrozen,
    TestSetContent,
    TestSetSealed,
)
from nesqc_gmp.state.batches import Batch, fold_batch
from nesqc_gmp.state.model_tests import results_id

CUSTODIAN = Actor(person="t.test", name="Test", role="test data custodian", authentication="session", session=None)
CRITERION = PlannedCriterion(metric="AUROC", limit="0.9", cultures_min=2, subgroup=None)
TEST_SET = "TS-1"


def batch_of(site: Any, name: str) -> Batch:
    with site.ledger.reading() as reader:
        return fold_batch(reader.entries("batch", name), name)


def seal_set(site: Any, batch: Batch) -> TestSetContent:
    """A test set of all images of a batch; every second one is labelled not conforming."""
    images = tuple(
        TestImage(
            image=f"{name}.png",
            sha256=image.received.facts.sha256,
            pixels_sha256=image.received.facts.pixels_sha256,
            perceptual_hash=image.received.facts.perceptual_hash,
            label="not conforming" if number % 2 else "conforming",
            culture=image.received.culture,
            donor="L1",
            pixel_size_um=image.received.pixel_size_um,
            subgroups=(),
            readers=(),
            readings=(),
            simulated=True,
        )
        for number, (name, image) in enumerate(batch.images.items())
    )
    content = TestSetContent(version=1, test_set=TEST_SET, images=images, excluded=())
    digest = site.objects.put(canonical_json(content.model_dump(mode="json")))
    sealed = TestSetSealed(
        test_set=TEST_SET, manifest_sha256="a" * 64, content_sha256=digest, images=len(images), excluded=0,
        conforming=1, not_conforming=1, cultures_conforming=1, cultures_not_conforming=1, donors=1, subgroups=(),
        readers=(), simulated=len(images), copies=0, conflicting=(),
    )  # fmt: skip
    with site.ledger.writing() as transaction:
        site.append(transaction, CUSTODIAN, Subject(type="test-set", id=TEST_SET), sealed)
    return content


def freeze(session: Session, ceremony: Callable[[str], Any], digest: str, content: TestSetContent, images: int) -> None:
    """A plan for the package; a further one takes the next number."""
    site = session.site

    def prepare(reader: Any, _: Any) -> Any:
        earlier = [e for e in reader.entries("model", digest) if isinstance(e.record, TestPlanFrozen)]

        def make(signature: Any) -> TestPlanFrozen:
            return TestPlanFrozen(
                model_sha256=digest, plan=len(earlier) + 1, test_set=TEST_SET,
                content_sha256=site.objects.put(canonical_json(content.model_dump(mode="json"))),
                justification="For the test", criteria=(CRITERION,), subgroups=(), feature_images=images, seed=7,
                analysis_sha256="b" * 64, independence="no copy found by digests", warnings=(), signature=signature,
            )  # fmt: skip

        return make, Signer("approved", ("A plan of the tests",))

    session.sign("models.plan", Subject(type="model", id=digest), prepare, ceremony)


def run_test(session: Session, batch: Batch, *, complete: bool = True, without: frozenset[str] = frozenset()) -> None:
    """A test whose results are the recorded predictions of the batch, run by the person of the session."""
    site, attempt = session.site, batch.attempts[-1]
    digest = attempt.opened.model_sha256
    about = Subject(type="model", id=digest)
    with site.ledger.reading() as reader:
        person = site.people(reader)[session.person]
        entries = list(reader.entries("model", digest))
    number = len([e for e in entries if isinstance(e.record, ModelTestOpened)]) + 1
    plan = len([e for e in entries if isinstance(e.record, TestPlanFrozen)])
    actor = Actor(
        person=person.id, name=person.name, role="operator", authentication="session", session=session.session
    )
    opened = ModelTestOpened(
        model_sha256=digest, plan=plan, test=number, images=len(batch.images), runtime=attempt.opened.runtime,
        analysis_sha256="b" * 64, analysis=(), process="-",
    )  # fmt: skip
    with site.ledger.writing() as transaction:
        site.append(transaction, actor, about, opened)
        for name, scored in attempt.scores.items():
            kept = f"{name}.png" not in without
            tested = ImageTested(
                model_sha256=digest, test=number, image=f"{name}.png", sha256=scored.sha256, check=scored.check,
                model_check=scored.model_check if kept else (), prediction=scored.prediction if kept else None,
                outcome=scored.outcome if kept else "rejected by input check",
            )  # fmt: skip
            site.append(transaction, actor, Subject(type="model-test", id=results_id(digest, number)), tested)
        if complete:
            figure = Figure(name="AUROC", estimate="1", low="0.95", high="1", method="test", units=2)
            closed = ModelTestClosed(
                model_sha256=digest, test=number, ending="completed", tested=len(attempt.scores), detail="all tested",
                results_sha256="c" * 64,
                criteria=(CriterionResult(criterion=CRITERION, found=figure, verdict="passed"),),
                verdict="passed", report_pdf_sha256="d" * 64, report_html_sha256="e" * 64,
            )  # fmt: skip
            site.append(transaction, actor, about, closed)
