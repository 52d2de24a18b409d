"""From folded records to lines: names of people as printed, every attempt, the runtime in a few words."""

from __future__ import annotations

import pytest

from nesqc_gmp.decision.morphology import BatchHeterogeneity, MorphologyVerdict
from nesqc_gmp.procedures.certificates import lines as made
from nesqc_gmp.procedures.certificates.content import runtime_words
from nesqc_gmp.records.batches import AttemptClosed, AttemptOpened, BatchRegistered
from nesqc_gmp.records.images import Heterogeneity, RuntimeFacts
from nesqc_gmp.records.products import ManualTest, MorphologyTest, Specification
from nesqc_gmp.state.batches import Attempt, Batch

OPENED, CLOSED = "2026-11-23T04:49:28.472192+01:00", "2026-11-23T04:49:29.185827+01:00"


def _attempt(number: int, name: str, ending: str | None) -> Attempt:
    closed = AttemptClosed.model_construct(ending=ending, detail="x") if ending else None
    opened = AttemptOpened.model_construct(attempt=number)
    return Attempt(number, number, opened, OPENED, f"id-{number}", name, None, {}, closed, CLOSED if closed else None)


def _batch() -> Batch:
    attempts = (_attempt(1, "Ada First", "aborted"), _attempt(2, "Bo Söderström", "completed"), _attempt(3, "Cy", None))
    return Batch(BatchRegistered.model_construct(batch="B-1"), "ada", attempts=attempts)


@pytest.mark.requirement("UR-CERTIFICATES-13", reviewed="e716dee8")
def test_the_image_test_names_the_person_of_the_completed_attempt_as_printed() -> None:
    morphology = MorphologyTest.model_construct(
        test="m", name="Morphology", sop="S", model="net", model_version="1", conforming_share_min="0.90",
        valid_images_min=4, rejected_share_max="0.10",
    )  # fmt: skip
    other = ManualTest.model_construct(test="v", name="Viability", method="M", sop="S", criterion="≥ 80 %", unit="%")
    specification = Specification.model_construct(tests=(morphology, other))
    nothing = BatchHeterogeneity(Heterogeneity(appearance=None, score=None), {}, {})
    verdict = MorphologyVerdict(outcome="undecided", images={}, cultures={}, rules=(), heterogeneity=nothing)
    first, second = made.test_lines(_batch(), specification, verdict)
    assert (first.performed_by, first.criterion[:6]) == ("Bo Söderström", "≥ 90 %")
    assert (second.performed_by, second.result) == ("nobody", "no result")


@pytest.mark.requirement("UR-BATCHES-10", reviewed="e5283424")
@pytest.mark.requirement("UR-CERTIFICATES-02", reviewed="93ca604b")
def test_every_attempt_is_a_line_however_it_ended() -> None:
    lines = made.attempt_lines(_batch())
    assert [(line.ending, line.closed) for line in lines] == [
        ("aborted", CLOSED), ("completed", CLOSED), ("interrupted", None),
    ]  # fmt: skip


@pytest.mark.requirement("UR-CERTIFICATES-13", reviewed="e716dee8")
@pytest.mark.parametrize(
    ("build", "provider", "threads", "words"),
    [
        ("1.32.0; ORT Build Info: git-branch=HEAD, build type=Release", "CPUExecutionProvider", 1,
         "onnxruntime 1.32.0, CPU, 1 thread, EXTENDED"),
        ("1.32.0", "CUDAExecutionProvider", 4, "onnxruntime 1.32.0, CUDA, 4 threads, EXTENDED"),
    ],
)  # fmt: skip
def test_the_runtime_is_said_in_a_few_words(build: str, provider: str, threads: int, words: str) -> None:
    facts = RuntimeFacts(
        onnxruntime=build, provider=provider, threads=threads, graph_optimisation="EXTENDED", deterministic=True,
        processor="p", python="3.11", packages=(), self_test="identical",
    )  # fmt: skip
    assert runtime_words(facts) == words
