"""The check by the model, by hand: each limit holds at and not above itself, and limits are those of the package."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nesqc_gmp.decision.model_check import decided, has_locked_limits
from nesqc_gmp.records.batches import ImageScored
from nesqc_gmp.records.images import Prediction
from nesqc_gmp.records.models import AlterationCheck, ModelManifest

PLAIN = ModelManifest.model_construct(
    distance_limit="2.000",
    statistics_limit="3.000",
    alterations=None,
    conforming_from="0.8",
    not_conforming_below="0.2",
)
TOLD = PLAIN.model_copy(update={"alterations": AlterationCheck(kinds=("inverted contrast",), limit="4.000")})
MEASURED = {"distance": "2.000", "statistics_distance": "3.000", "alteration": "4.000"}
RULES = {"distance": "MODEL-DISTANCE", "statistics_distance": "MODEL-STATISTICS", "alteration": "MODEL-ALTERATION"}


def prediction(**changes: str | None) -> Prediction:
    """One at every limit, conforming by its score."""
    limits = {"distance_limit": "2.000", "statistics_limit": "3.000", "alteration_limit": "4.000"}
    return Prediction.model_construct(score="0.9", **{**limits, **MEASURED, **changes})


def test_at_every_limit_the_score_decides() -> None:
    findings, outcome = decided(TOLD, "a", prediction())
    assert [finding.rule for finding in findings] == list(RULES.values())
    assert all(finding.passed for finding in findings)
    assert outcome == "conforming"


@pytest.mark.requirement("UR-BATCHES-12", reviewed="53decca5")
@pytest.mark.parametrize("name", RULES)
def test_above_one_limit_there_is_no_verdict(name: str) -> None:
    above = f"{Decimal(MEASURED[name]) + Decimal('0.001'):f}"
    findings, outcome = decided(TOLD, "a", prediction(**{name: above}))
    assert [finding.rule for finding in findings if not finding.passed] == [RULES[name]]
    assert outcome == "rejected by input check"


def test_without_a_prediction_nothing_was_checked() -> None:
    assert decided(TOLD, "a", None) == ((), "rejected by input check")


def test_the_limits_are_those_of_the_package() -> None:
    bare = prediction(alteration=None, alteration_limit=None)
    assert has_locked_limits(prediction(), TOLD)
    assert has_locked_limits(bare, PLAIN)
    # Stripped of what the package tells, or told by a package that does not.
    assert not has_locked_limits(bare, TOLD)
    assert not has_locked_limits(prediction(), PLAIN)


@pytest.mark.parametrize("name", ["distance_limit", "statistics_limit", "alteration_limit"])
def test_a_limit_of_ones_own_is_seen(name: str) -> None:
    assert not has_locked_limits(prediction(**{name: "99999"}), TOLD)


@pytest.mark.requirement("UR-BATCHES-12", reviewed="53decca5")
def test_a_rejected_image_shows_no_score() -> None:
    """The record keeps it; people are shown none, since it says nothing."""
    seen = ImageScored.model_construct(prediction=prediction(), outcome="conforming")
    assert seen.judged_score == "0.9"
    assert seen.model_copy(update={"outcome": "rejected by input check"}).judged_score is None
    assert seen.model_copy(update={"prediction": None, "outcome": "rejected by input check"}).judged_score is None
