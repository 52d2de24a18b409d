"""The content: a certificate whose numbers or words disagree cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from nesqc_gmp.records.certificate_lines import ImageLine
from nesqc_gmp.records.certificates import CertificateContent, culture_line, headline, overall_outcome, worst_image
from nesqc_gmp.records.images import Heterogeneity

NOTHING = Heterogeneity(appearance=None, score=None)
Sample = Callable[..., tuple[CertificateContent, dict[str, bytes]]]


@pytest.mark.requirement("UR-CERTIFICATES-03", reviewed="953e6165", negative=True)
@pytest.mark.parametrize(
    ("outcome", "decision", "word"),
    [
        ("conforming", "released", "COMPLIES"),
        ("conforming", "on hold", "ON HOLD"),
        ("conforming", "rejected", "REJECTED"),
        ("undecided", "on hold", "UNDECIDED"),
        ("undecided", "rejected", "REJECTED"),
        ("not conforming", "on hold", "DOES NOT COMPLY"),
        ("not conforming", "rejected", "DOES NOT COMPLY"),
    ],
)
def test_the_bar_never_looks_better_than_tests_or_decision(outcome: Any, decision: Any, word: str) -> None:
    assert headline(outcome, decision) == word


def test_one_failing_test_outweighs_all_others() -> None:
    assert overall_outcome(["conforming", "undecided", "not conforming"]) == "not conforming"
    assert overall_outcome(["conforming", "undecided"]) == "undecided"
    assert overall_outcome(["conforming"]) == "conforming"


def _line(score: str | None, outcome: Any, image: str = "i", reason: str = "") -> ImageLine:
    measured = NOTHING if score else None
    return ImageLine(
        image=image, culture="C", field="F", score=score, heterogeneity=measured, outcome=outcome, reason=reason
    )


def test_a_culture_is_counted_from_its_images() -> None:
    """Median by hand: of 0.1000, 0.8000, 0.9001, 0.9004 it is 0.85005, half to even 0.8500."""
    lines = [
        _line("0.1000", "not conforming", "a"), _line("0.9001", "conforming", "b"), _line("0.9004", "conforming", "c"),
        _line("0.8000", "conforming", "d"), _line(None, "rejected by input check", "e", "focus"),
    ]  # fmt: skip
    culture = culture_line("C", lines, "not conforming", NOTHING)
    assert (culture.images, culture.conforming, culture.not_conforming, culture.rejected) == (5, 3, 1, 1)
    assert (culture.median_score, culture.lowest_score) == ("0.8500", "0.1000")
    assert culture_line("other", lines, "undecided", NOTHING).median_score is None
    worst = worst_image(lines)
    assert worst is not None
    assert worst.image == "a"


def _changed(content: CertificateContent, name: str) -> dict[str, Any]:
    """One disagreement each."""
    tests, images, cultures = content.tests, content.images, content.cultures
    failing = tests[1].model_copy(update={"outcome": "not conforming"})
    changes: dict[str, dict[str, Any]] = {
        "outcome": {"tests": (tests[0], failing, *tests[2:])},
        "released although failing": {"tests": (tests[0], failing, *tests[2:]), "outcome": "not conforming"},
        "count": {"counts": content.counts.model_copy(update={"conforming": content.counts.conforming + 1})},
        "an image left out": {"images": images[:-1]},
        "an image twice": {"images": (*images[:-1], images[0])},
        "outcome of an image": {
            "images": (images[0].model_copy(update={"outcome": "undecided"}), *images[1:]),
        },
        "a score above one": {"images": (images[0].model_copy(update={"score": "1.1"}), *images[1:])},
        "a rejected image without reason": {
            "images": tuple(line if line.score else line.model_copy(update={"reason": ""}) for line in images)
        },
        "a score without heterogeneity": {
            "images": (images[0].model_copy(update={"heterogeneity": None}), *images[1:])
        },
        "median": {"cultures": (cultures[0].model_copy(update={"median_score": "0.9999"}), *cultures[1:])},
        "culture missing": {"cultures": cultures[1:]},
        "worst example missing": {"examples": content.examples[1:]},
        "worst example not first": {"examples": content.examples[::-1]},
        "thresholds": {"model": content.model.model_copy(update={"not_conforming_below": "0.9"})},
        "demonstration hidden": {"demonstration": False},
        "numbers of tests": {"tests": tests[::-1]},
        "reading of an unknown image": {"readings": (content.readings[0].model_copy(update={"image": "none"}),)},
        "the decision is not the last signature": {"manifestations": content.manifestations[:-1]},
        "a signature for another decision": {
            "manifestations": (
                *content.manifestations[:-1],
                content.manifestations[-1].model_copy(update={"meaning": "rejected: I reject this batch."}),
            )
        },
        "signatures out of order": {"result_manifestations": content.result_manifestations[::-1]},
        "a signature on a result that is not listed": {
            "result_manifestations": (content.result_manifestations[0].model_copy(update={"test": "Sterility"}),)
        },
    }
    return changes[name]


@pytest.mark.requirement("UR-CERTIFICATES-02", reviewed="93ca604b", negative=True)
@pytest.mark.requirement("UR-CERTIFICATES-05", reviewed="882024c1", negative=True)
@pytest.mark.parametrize(
    "name",
    [
        "outcome", "released although failing", "count", "an image left out", "an image twice", "outcome of an image",
        "a score above one", "a rejected image without reason", "median", "culture missing", "worst example missing",
        "worst example not first", "thresholds", "demonstration hidden", "numbers of tests",
        "reading of an unknown image", "the decision is not the last signature", "a signature for another decision",
        "signatures out of order", "a signature on a result that is not listed",
    ],
)  # fmt: skip
def test_a_content_that_disagrees_with_itself_is_refused(sample: Sample, name: str) -> None:
    content, _ = sample()
    CertificateContent.model_validate(content.model_dump())
    with pytest.raises(ValidationError):
        CertificateContent.model_validate(content.model_copy(update=_changed(content, name)).model_dump())
