"""What a plan file may say, and what the end of a test must carry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.procedures.model_tests import read_plan
from nesqc_gmp.records.model_tests import ModelTestClosed

HEAD = 'test_set = "NES-A"\njustification = "VP-3"\nseed = 5\nfeature_images = 3\n'
ONE = '[[criteria]]\nmetric = "sensitivity"\nlimit = "0.90"\ncultures_min = 36\n'


def read(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "plan.toml"
    file.write_text(text, encoding="utf-8")
    return read_plan(file)


def test_a_whole_plan(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + 'subgroups = ["instrument"]\n' + ONE + 'subgroup = ["instrument", "A"]\n')
    assert found.criteria[0].subgroup == ("instrument", "A")
    assert (found.seed, found.subgroups) == (5, ("instrument",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "criteria"),
        (HEAD + ONE + "relaxed = true\n", "relaxed"),
        (HEAD + "accept = true\n" + ONE, "accept"),
        (HEAD + ONE.replace('"0.90"', "0.90"), "criteria.0.limit"),
        (HEAD + ONE.replace("0.90", "0"), "above 0 and below 1"),
        (HEAD + ONE.replace("0.90", "1"), "above 0 and below 1"),
        (HEAD + ONE.replace("0.90", "nan"), "criteria.0.limit"),
        (HEAD + ONE.replace("sensitivity", "accuracy"), "criteria.0.metric"),
        (HEAD + ONE.replace("36", "1"), "criteria.0.cultures_min"),
        (HEAD + ONE + ONE, "set twice"),
        (HEAD.replace("5", "-1") + ONE, "seed"),
        (HEAD.replace("= 3", "= 0") + ONE, "feature_images"),
        (HEAD + 'subgroups = ["a", "a"]\n' + ONE, "named twice"),
        (HEAD.replace("NES-A", "../x") + ONE, "test_set"),
        (HEAD + "[[criteria]\n", "cannot be read"),
    ],
)
def test_a_wrong_plan_names_the_field(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=said):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "more",
    [
        {"ending": "completed"},
        {"ending": "aborted", "verdict": "passed"},
        {"ending": "failed", "report_pdf_sha256": "0" * 64},
    ],
)
def test_figures_and_verdict_belong_to_a_completed_test(more: dict[str, Any]) -> None:
    value: dict[str, Any] = {"model_sha256": "0" * 64, "test": 1, "tested": 3, "detail": "stopped"}
    with pytest.raises(ValidationError, match="no other test has"):
        ModelTestClosed(**value, **more)
    assert ModelTestClosed(**value, ending="aborted").verdict is None
