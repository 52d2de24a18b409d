"""What failed and what holds: every limit by hand, at it and one beyond it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")

from nesqc_gmp.records.models import AlterationCheck, ModelDescription
from nesqc_gmp.robustness.heat_map import Curves
from nesqc_gmp.robustness.run import Effect
from nesqc_gmp.statistics.outcomes import ScoredRow, at_threshold
from nesqc_gmp.training.disturbance import Robustness
from nesqc_gmp.training.findings import Findings
from nesqc_gmp.training.heat_map_checks import Check, HeatMapChecks
from nesqc_gmp.training.judge import Judged
from nesqc_gmp.training.limit_checks import Exported, LimitCheck, limit_checks, overview, summary, without_limit
from nesqc_gmp.training.outside import Outside
from nesqc_gmp.training.plan import Plan
from nesqc_gmp.training.scoring import Unseen
from tests.training import plans

MIRROR, TURN = "mirror up and down 1", "rotation 90 degrees"
DESCRIPTION = ModelDescription.model_construct(
    score_decimals=4,
    conforming_from="0.8",
    not_conforming_below="0.2",
    distance_limit="2.000",
    statistics_limit="3.000",
)


def _plan(**changes: Any) -> Plan:
    calibration = {
        "distance_refused": 0.1,
        "statistics_refused": 0.1,
        "wrong_conforming": 0.2,
        "wrong_not_conforming": 0.2,
        "band": "each family",
    }
    content = {
        "calibration": {**calibration, **changes.pop("calibration", {})},
        "cross_validation": {"by": "family"},
        "input": {**plans.TINY["input"], "outside": ["other"], "outside_refused_min": 0.9},
        "robustness": {
            "limits": {MIRROR: 0.05, TURN: 0.05},
            "heat_map": {"deletion_min": 0.1, "insertion_min": 0.1},
        },
    }
    return plans.plan({**content, **changes})


def _effect(name: str, images: int, changed: int) -> Effect:
    return Effect(name, images, changed, 0, (), 0.0, 0.0)


def _found(folder: float = 0.9, mirrored: int = 1, turned: int = 1, of: int = 20) -> Findings:
    checks = (
        Check("deletion", 0.2, "at least 0.1", "passed"),
        Check("insertion", 0.05, "at least 0.1", "failed"),
        Check("likeness", 0.3, "no limit", "no limit"),
    )
    return Findings(
        results=None,  # type: ignore[arg-type]  # no limit rests on it
        outside=(Outside("changed: blur", 10, 0, (), 0.0), Outside("folder x/other", 10, 0, (), folder)),
        robustness=Robustness((_effect(MIRROR, of, mirrored), _effect(TURN, of, turned)), {}),
        maps=HeatMapChecks(3, Curves((), (), (), ()), checks),
        spreads=(),
    )


def _development(scores: dict[int, float] | None = None) -> tuple[Unseen, Judged]:
    """Twelve images in three families, half of each conforming; scores are those of the label but where given."""
    images = plans.images(12)
    score = np.array([0.9 if image.conforming else 0.1 for image in images])
    for number, value in (scores or {}).items():
        score[number] = value
    nothing = np.zeros(12)
    unseen = Unseen(images, nothing, nothing, nothing, nothing, nothing, nothing)
    return unseen, Judged(
        score, np.array([2.0] * 11 + [2.1]), np.array([3.0] * 10 + [3.1, 3.1]), np.array([0.5] * 9 + [0.6] * 3)
    )


def _checks(**changes: Any) -> dict[str, LimitCheck]:
    arguments: dict[str, Any] = {
        "plan": _plan(),
        "found": _found(),
        "development": _development(),
        "description": DESCRIPTION,
        "exported": Exported(1e-3, 1e-3),
        **changes,
    }
    return {check.name: check for check in limit_checks(**arguments)}


def _verdict(checks: dict[str, LimitCheck], words: str) -> tuple[str, str]:
    [check] = [check for name, check in checks.items() if words in name]
    return check.verdict, check.reached


def test_every_limit_by_hand_and_what_has_none_is_not_listed() -> None:
    checks = _checks()
    assert len(checks) == 2 + 2 + 1 + 2 + 2 + 1
    # 1 of 12 images is beyond the distance, which is within a tenth; 2 of 12 are beyond the statistics, which is not.
    assert _verdict(checks, "network features") == ("passed", "1 of 12 (8.3 %)")
    assert _verdict(checks, "image statistics") == ("failed", "2 of 12 (16.7 %)")
    assert _verdict(checks, "x/other") == ("passed", "9 of 10 (90.0 %)")
    assert _verdict(checks, "mirror up and down") == ("passed", "1 of 20 (5.0 %)")
    assert _verdict(checks, "deletion") == ("passed", "0.200")
    assert _verdict(checks, "insertion") == ("failed", "0.050")
    assert _verdict(checks, "exported model") == ("passed", "0.0010000")
    assert not any("likeness" in name or "blur" in name for name in checks)


def test_the_check_for_known_alterations_has_a_limit_where_the_plan_names_kinds() -> None:
    """3 of 12 images are above 0.55, and a quarter may be."""
    plan = _plan(alterations={"kinds": ["inverted contrast"], "refused": 0.25})
    check = AlterationCheck(kinds=("inverted contrast",), limit="0.550")
    description = DESCRIPTION.model_copy(update={"alterations": check})
    checks = _checks(plan=plan, description=description)
    assert _verdict(checks, "known alterations") == ("passed", "3 of 12 (25.0 %)")


@pytest.mark.requirement("UR-MODELS-24", reviewed="39797023")
@pytest.mark.parametrize(
    ("changes", "words", "reached"),
    [
        ({"found": _found(folder=0.8)}, "x/other", "8 of 10 (80.0 %)"),
        ({"found": _found(mirrored=2)}, "mirror up and down", "2 of 20 (10.0 %)"),
        ({"exported": Exported(1.1e-3, 1e-3)}, "exported model", "0.0011000"),
        # Not conforming images are the odd ones; family F1 has numbers 4 to 7. A score at the threshold conforms.
        ({"development": _development({5: 0.8})}, "score as conforming", "1 of 2 (50.0 %), family F1, the worst of 3"),
        ({"development": _development({8: 0.1999})}, "score as not", "1 of 2 (50.0 %), family F2, the worst of 3"),
    ],
)
def test_one_beyond_the_limit_fails_and_stands_first(changes: dict[str, Any], words: str, reached: str) -> None:
    checks = _checks(**changes)
    assert _verdict(checks, words) == ("failed", reached)
    order = [check.verdict for check in checks.values()]
    assert order == ["failed"] * 3 + ["passed"] * 7


def test_scores_at_and_inside_the_band_are_not_wrong() -> None:
    checks = _checks(development=_development({5: 0.7999, 8: 0.2}))
    assert _verdict(checks, "score as conforming")[0] == "passed"
    assert _verdict(checks, "score as not conforming")[0] == "passed"


def test_over_all_images_one_wrong_of_six_is_within_a_fifth() -> None:
    plan = _plan(calibration={"band": "all images"})
    checks = _checks(plan=plan, development=_development({5: 0.8}))
    assert _verdict(checks, "score as conforming") == ("passed", "1 of 6 (16.7 %)")


def test_a_limit_without_an_image_is_not_assessed_and_never_counts_as_held() -> None:
    checks = _checks(found=_found(mirrored=0, turned=0, of=0))
    assert _verdict(checks, "rotation 90") == ("not assessed", "no image")
    assert [check.verdict for check in checks.values()][:4] == ["failed", "failed", "not assessed", "not assessed"]
    assert summary(tuple(checks.values())).startswith("2 of 10 limits failed, 2 could not be assessed; 6 hold.")


def test_only_where_all_hold_the_sentence_says_so() -> None:
    held = tuple(replace(check, verdict="passed") for check in _checks().values())
    assert summary(held) == "All 10 limits hold."
    assert "hold." not in summary((replace(held[0], verdict="not assessed"), *held[1:])).partition(";")[0]


def test_what_a_plan_does_not_limit_is_said() -> None:
    wrong = "errors and refusals of held-out families"
    assert without_limit(_plan()) == (wrong, "likeness to the maps of untrained networks")
    assert len(without_limit(plans.plan({"robustness": {}}))) == 6


def test_what_became_of_the_images_is_said_beside_the_limits() -> None:
    """By hand: of three bad images one is called so, one conforming, one refused; of two good ones one is undecided."""
    outcomes = {
        "not conforming": ("not conforming", "conforming", "rejected by input check"),
        "conforming": ("conforming", "undecided"),
    }
    rows = [
        ScoredRow(f"{label}{n}", f"{label}{n}", "D", label, None, found, ())  # type: ignore[arg-type]
        for label, each in outcomes.items()
        for n, found in enumerate(each)
    ]
    results: Any = SimpleNamespace(
        basis="test",
        not_conforming=at_threshold(rows, "not conforming"),
        conforming=at_threshold(rows, "conforming"),
    )
    said = overview(plans.plan(), (), results)
    bad = (
        "Of 3 images kept for the test labelled not conforming, 1 are called so, 1 conforming, 0 undecided, 1 refused."
    )
    good = (
        "Of 2 images kept for the test labelled conforming, 1 are called so, 0 not conforming, 1 undecided, 0 refused."
    )
    assert f"{bad} {good}" in said
    assert "no limit on: errors and refusals of images kept for the test, " in said


def test_the_new_limit_needs_folders_and_changes_no_digest_of_a_plan_without_it() -> None:
    """The digest was computed before there was this limit."""
    assert plans.plan().digest == "7bc4b6ce8093d1f54afdcda9c6aa314dfadd9f844657edb8475435ed0df8c400"
    assert _plan().digest != _plan(input={**plans.TINY["input"], "outside": ["other"]}).digest
    with pytest.raises(ValueError, match="outside_refused_min needs folders"):
        plans.plan({"input": {**plans.TINY["input"], "outside_refused_min": 0.9}})
