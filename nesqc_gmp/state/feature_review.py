"""What the review of features needs, and what it keeps from approval: pure rules over the folded state."""

from __future__ import annotations

from nesqc_gmp.errors import NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.state.model_tests import ModelTest, PackageTests, require_tested
from nesqc_gmp.state.models import FeatureReview, ModelState, require_another


def require_reviewable(model: ModelState, tests: PackageTests, person: str) -> ModelTest:
    """The completed test of the last plan, whose heat maps this person may review.

    Raises:
        OutOfSequenceError: There is none.
        NotAuthorisedError: The person installed the package or ran the test.
    """
    require_another(model, person, "reviews the features of")
    test = tests.completed
    if test is None:
        raise OutOfSequenceError(
            "no test of this package was completed by its last plan, so there are no heat maps to review",
            where=model.label,
            remedy="Test it first with `nesqc models test`.",
        )
    if test.by == person:
        raise NotAuthorisedError("nobody reviews the features of a test they ran", where=model.label)
    return test


def require_reason(model: ModelState, reason: str | None) -> None:
    """A further review of a package says why there is one.

    Raises:
        OutOfSequenceError: It does not.
    """
    if model.feature_reviews and not reason:
        last = model.feature_reviews[-1]
        raise OutOfSequenceError(
            f"the features were reviewed before, entry {last.index}, by {last.name}: "
            f"{'yes' if last.reviewed.sensible else 'no'}; another review needs a reason",
            where=model.label,
            remedy="Give --reason.",
        )


def require_no_reversal(model: ModelState, person: str) -> None:
    """Who said no does not say yes afterwards: the package is the same, byte for byte.

    Raises:
        NotAuthorisedError: The person has said no.
    """
    for review in model.feature_reviews:
        if review.person == person and not review.reviewed.sensible:
            raise NotAuthorisedError(
                f"nobody turns their own no into a yes: entry {review.index}, {review.reviewed.comment}",
                where=model.label,
                remedy="Another subject matter expert reviews the features.",
            )


def require_evidence(model: ModelState, tests: PackageTests) -> None:
    """What a package for real use rests on when it is approved, and still when it is activated.

    Raises:
        OutOfSequenceError: Its last plan was not tested and passed under the intended use in force, or no expert found
            that its features make sense.
    """
    require_tested(model, tests)
    require_sensible(model, tests)


def require_sensible(model: ModelState, tests: PackageTests) -> None:
    """An expert found that the features of a package make sense; a demonstration needs no review.

    Raises:
        OutOfSequenceError: Nobody reviewed those of the last completed test, or the last review says no.
    """
    if model.manifest.demonstration:
        return
    last = last_review(model, tests.completed)
    if last is None:
        raise OutOfSequenceError(
            "no expert has reviewed the heat maps of a completed test of the last plan",
            where=model.label,
            remedy="A subject matter expert does it with `nesqc models features`.",
        )
    if not last.reviewed.sensible:
        raise OutOfSequenceError(
            f"{last.name} found that the features do not make sense: {last.reviewed.comment}",
            where=model.label,
            remedy="A package that looks at the wrong things is not approved.",
        )


def last_review(model: ModelState, test: ModelTest | None) -> FeatureReview | None:
    """The review of a test that counts: the last one."""
    number = test.opened.test if test else None
    return next((review for review in reversed(model.feature_reviews) if review.reviewed.test == number), None)
