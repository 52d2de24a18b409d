"""Intended use and acceptance of the model, read from the record; nothing of it can be typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nesqc_gmp.procedures.qualification.performance.material import Found, Material, some
from nesqc_gmp.records.model_tests import CriterionResult, TestVerdict
from nesqc_gmp.records.qualification import CaseVerdict
from nesqc_gmp.state.feature_review import last_review
from nesqc_gmp.state.model_tests import ModelTest

_VERDICTS: dict[TestVerdict, CaseVerdict] = {
    "passed": "passed",
    "failed": "failed",
    "not assessable": "not executed",
}
"""What a verdict of the test means for a case; what could not be assessed was not shown."""


def judge_intended_use(material: Material) -> tuple[Found, ...]:
    """The intended use is signed, and the last plan was frozen under it."""
    use, plan = material.model.intended_use, material.tests.plan
    if use is None:
        return Found("not executed", "No intended use is signed"), Found("not executed", "No intended use is signed")
    signed = Found("passed", f"Signed by {use.name} on {use.signed_at[:10]}, entry {use.index}: "
                   f"{use.intended_use.purpose}"[:1900])  # fmt: skip
    if plan is None:
        return signed, Found("not executed", "No plan is frozen for the package")
    under = plan.frozen.intended_use
    same = under == use.index
    words = "the one in force" if same else "not the one in force"
    found = f"Plan {plan.frozen.plan} rests on the intended use of entry {under}, {words}"
    return signed, Found("passed" if same else "failed", found)


def judge_model_acceptance(material: Material) -> tuple[Found, ...]:
    """The completed test of the last plan, its criteria, the comparison with people, and the review of features."""
    return _test(material), *_criteria(material), _features(material)


def _test(material: Material) -> Found:
    tests, model = material.tests, material.model
    listed = some([f"test {t.opened.test} of plan {t.opened.plan} {t.outcome}" for t in tests.tests]) or "no test"
    bad = [test for test in tests.tests if test.completed and _verdict(test) == "failed"]
    if bad:
        return Found(
            "failed", f"Test {bad[0].opened.test} failed; a package that failed once is not accepted: {listed}"
        )
    if tests.completed is None:
        return Found("not executed", f"No completed test of the last plan: {listed}")
    found = f"Test {tests.completed.opened.test}, run by {tests.completed.name}, {tests.completed.outcome}: {listed}"
    use = model.intended_use
    if tests.plan is not None and use is not None and tests.plan.frozen.intended_use != use.index:
        return Found("failed", f"{found}. Another intended use was signed since")
    return Found(_verdict(tests.completed), found)


def _verdict(test: ModelTest) -> CaseVerdict:
    verdict = test.closed.verdict if test.closed else None
    return "not executed" if verdict is None else _VERDICTS[verdict]


def _criteria(material: Material) -> tuple[Found, Found]:
    completed = material.tests.completed
    if completed is None or completed.closed is None:
        missing = Found("not executed", "No completed test of the last plan, so there are no figures")
        return missing, missing
    results = completed.closed.criteria
    people = [each for each in results if each.criterion.metric == "non-inferiority"]
    return _worst(results), _worst(people) if people else Found(
        "not executed",
        "Not assessable: the frozen plan has no criterion of non-inferiority, so the model was compared with no reader",
    )


def _worst(results: Sequence[CriterionResult]) -> Found:
    verdicts = {_VERDICTS[each.verdict] for each in results}
    order: tuple[CaseVerdict, ...] = ("failed", "not executed", "passed")
    told = [_words(each) for each in results]
    counts = Counter(each.verdict for each in results)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return Found(next(each for each in order if each in verdicts), f"{counted}: {'; '.join(told)}"[:1900])


def _words(result: CriterionResult) -> str:
    planned, found = result.criterion, result.found
    where = f" where {planned.subgroup[0]} is {planned.subgroup[1]}" if planned.subgroup else ""
    return f"{planned.metric}{where} {found.estimate or 'not estimable'} ({found.bounds}), limit {planned.limit}"


def _features(material: Material) -> Found:
    review = last_review(material.model, material.tests.completed)
    if review is None:
        return Found("not executed", "No expert has reviewed the heat maps of the completed test")
    said = "make sense" if review.reviewed.sensible else "do not make sense"
    return Found(
        "passed" if review.reviewed.sensible else "failed",
        f"{review.name}, entry {review.index}: the features {said}: {review.reviewed.comment}"[:1900],
    )
