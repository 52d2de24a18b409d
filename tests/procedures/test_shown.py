"""What is shown before it is signed is all of it, on one visible line each; and one picture is one field."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from nesqc_gmp.errors import InvalidInputError, OutOfSequenceError
from nesqc_gmp.procedures import audit, batches, people


@pytest.mark.requirement("UR-BATCHES-20", reviewed="aa4ab55c")
@pytest.mark.requirement("UR-PEOPLE-20", reviewed="2f7aaf2f")
def test_long_comments_and_many_deviations_are_shown_whole(analysed: Any, life: Any) -> None:
    """A statement that ends after some words would let somebody sign what they were not shown (21 CFR 11.70)."""
    acts = life(analysed)
    acts.submit("B-1")
    comment, deviations = "x" * 1990 + " but not", tuple(f"DEV-{n:04d}-{'y' * 90}" for n in range(12))
    batches.review(analysed.session("reviewer"), "B-1", deviations, comment, analysed.signs("reviewer"))
    assert f"\n  Comment: {comment}\n" in analysed.shown
    assert all(f"\n  Deviation: {reference}\n" in analysed.shown for reference in deviations)
    qa = analysed.session("qa")
    said = {exception.index: "Looked at" for exception in audit.sheet(qa, "B-1").exceptions}
    audit.review(qa, "B-1", said, comment, True, analysed.signs("qa"))
    assert f"\n  Conclusion: {comment}\n" in analysed.shown
    batches.release(qa, "B-1", comment, analysed.signs("qa"))
    assert f"\n  Comment: {comment}\n" in analysed.shown


@pytest.mark.parametrize("text", ["first line\nsecond line", "eight and \x1b[2J", "eight and \u202e", "eight and\r"])
def test_reasons_and_comments_are_visible_lines(text: str, analysed: Any, life: Any) -> None:
    with pytest.raises(InvalidInputError, match="not one visible line"):
        batches.read(analysed.session("operator"), "B-1", "C01_F01", "undecided", f"{text}.", blinded=False)
    with pytest.raises(InvalidInputError, match="not one visible line"):
        people.revoke(analysed.session("qa"), "r.ozdemir", "reviewer", f"{text}.")
    life(analysed).submit("B-1")
    with pytest.raises(ValidationError, match="comment"):
        batches.review(analysed.session("reviewer"), "B-1", (), f"{text}.", analysed.signs("reviewer"))
    assert analysed.entries("image_read") == analysed.entries("batch_reviewed") == []


@pytest.mark.requirement("UR-BATCHES-08", reviewed="b97a68c3", negative=True)
def test_one_picture_is_one_field(ready: Any, life: Any, pictures: Any) -> None:
    """Received four times under four names and explained each time, it does not fulfil a plan of two fields."""
    acts, operator = life(ready), ready.session("operator")
    acts.register("B-2")
    files = [batches.Incoming(pictures.good(1)[0], "C01", 14, f"F{n:02d}") for n in range(1, 5)]
    for received in batches.receive(operator, "B-2", files)[1:]:
        batches.explain(operator, "B-2", received.image or "", "It only looks alike")
    with pytest.raises(OutOfSequenceError, match="2 different fields; culture C01 has 1"):
        acts.seal("B-2")
    batches.receive(operator, "B-2", [batches.Incoming(pictures.good(2)[1], "C01", 14, "F09")])
    assert acts.seal("B-2") == 5


@pytest.mark.requirement("UR-AUDIT-15", reviewed="380b3deb")
def test_reviewer_of_the_trail_sees_what_an_image_is_like(analysed: Any, life: Any, pictures: Any) -> None:
    """Good images of a batch that failed can be handed in as a new batch: the exception names where they come from."""
    acts = life(analysed)
    acts.register("B-2")
    for received in acts.receive("B-2", pictures.good(2)):
        batches.explain(analysed.session("operator"), "B-2", received.image, "The same material")
    found = [e.detail for e in audit.sheet(analysed.session("qa"), "B-2").exceptions if e.what == "likeness explained"]
    assert found == [
        f"C01_F{n:02d}, same bytes of C01_F{n:02d} in B-1, Olle Brännström: The same material" for n in (1, 2)
    ]
