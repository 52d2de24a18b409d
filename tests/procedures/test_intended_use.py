"""The intended use of a model: who may sign it, what is shown, what is refused, and what stays in the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import (
    AuthenticationError,
    InvalidInputError,
    NotAuthorisedError,
    NotFoundError,
    OutOfSequenceError,
    RecordTooLargeError,
)
from nesqc_gmp.esign import check_signatures
from nesqc_gmp.procedures import intended_use, models, people
from nesqc_gmp.procedures.intended_use import CONTENT_LIMIT, read_intended_use
from nesqc_gmp.records.intended_use import MOST_LINES, IntendedUse
from nesqc_gmp.records.signatures import Statement

NAME = "nes-morphology-sim:1.1.0"
AGAIN = "Passages 26 to 30 were studied"
TEXT = """
purpose = "Tell whether a culture shows rosettes"
output_use = "One line of the release tests of NES-DEMO"
operator_task = "Reads every undecided image and records what is seen"
population = "NES-DEMO, autologous"
cell_type = "Neuroepithelial stem cells"
passage_min = 10
passage_max = 25
instruments = ["Microscope M-01 with camera K-3"]
objectives = ["10x, NA 0.30"]
staining = "none: phase contrast"
limitations = ["Does not see contamination", "Never tested on thawed cells"]
biases = ["All cultures came from one site"]
subgroups = [{ name = "late passages", why = "rosettes grow larger" }]
undecided_images = "Two people read them; SOP-03"
refused_images = "Counted, kept, and imaged again once"
responsible = "Head of process development, S. Moberg"

[input_space]
formats = ["PNG"]
bit_depths = [8]
channels = [1]
width_min = 512
width_max = 2048
height_min = 512
height_max = 2048
pixel_size_um_min = "0.97"
pixel_size_um_max = "1.03"
saturated_share_max = "0.0020"
focus_min = "1.0"
illumination_max = "0.35"
"""


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes the file, with parts of its text replaced."""

    def write(*replaced: tuple[str, str], more: str = "") -> Path:
        text = TEXT
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "intended-use.toml"
        path.write_text(more + text, encoding="utf-8")
        return path

    return write


def intend(world: Any, path: Path, reason: str | None = None, who: str = "expert", name: str = NAME) -> None:
    intended_use.intend(world.session(who), name, read_intended_use(path), reason, world.signs(who))


@pytest.mark.requirement("UR-MODELS-08", reviewed="da461e75")
def test_the_whole_content_is_shown_signed_and_kept(ready: Any, written: Any) -> None:
    intend(ready, written())
    (entry,) = ready.entries("intended_use_signed")
    use = read_intended_use(written())
    assert entry.record.intended_use == use
    assert entry.record.signature.statement == ready.shown
    statement = Statement.parse(ready.shown)
    assert (statement.meaning, statement.role) == ("intended use approved", "subject matter expert")
    assert entry.record.model_sha256 in statement.summary[0]
    # Every value of the file is somewhere in what was signed.
    shown = "\n".join(statement.summary)
    for value in use.model_dump(mode="json").values():
        texts = value if isinstance(value, list) else [value]
        assert all(text in shown for text in texts if isinstance(text, str))
    assert "Passages: 10 to 25" in shown
    assert "Subgroup: late passages" in shown
    assert "Because: rosettes grow larger" in shown
    for name, value in use.input_space.model_dump(mode="json").items():
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        assert f"Input space, {name.replace('_', ' ')}: {said}" in statement.summary
    with ready.site.ledger.reading() as reader:
        assert list(check_signatures(reader)) == []


def test_signed_again_it_supersedes_and_both_stay_visible(ready: Any, written: Any) -> None:
    intend(ready, written())
    changed = written(("passage_max = 25", "passage_max = 30"))
    with pytest.raises(OutOfSequenceError, match="another needs a reason"):
        intend(ready, changed)
    intend(ready, changed, AGAIN)
    (model,) = models.models(ready.session("auditor")).values()
    assert [signed.intended_use.passage_max for signed in model.intended_uses] == [25, 30]
    assert model.intended_use is model.intended_uses[-1]
    assert (model.intended_use.reason, model.intended_use.person) == (AGAIN, "s.moberg")
    assert f"Takes the place of entry {model.intended_uses[0].index}" in ready.shown


def test_the_approval_of_a_package_is_bound_to_the_intended_use_before_it(founded: Any, written: Any) -> None:
    """The statement of the approval names a content of two entries: the installation and the intended use."""
    from tests.conftest import model_folder

    model = models.install(founded.session("scientist"), model_folder())
    intend(founded, written())
    models.approve(founded.session("qa"), model.model_sha256, "Needed for the test", founded.signs("qa"))
    assert Statement.parse(founded.shown).version == 2


def test_an_intended_use_signed_meanwhile_stops_an_approval(founded: Any, written: Any) -> None:
    from tests.conftest import model_folder

    model = models.install(founded.session("scientist"), model_folder())
    sign = founded.signs("qa")

    def meanwhile(statement: str) -> Any:
        intend(founded, written())
        return sign(statement)

    with pytest.raises(OutOfSequenceError, match="changed while it was being signed"):
        models.approve(founded.session("qa"), model.model_sha256, "Needed for the test", meanwhile)
    assert founded.entries("model_approved") == []


@pytest.mark.requirement("UR-MODELS-08", reviewed="da461e75", negative=True)
@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('formats = ["PNG"]', 'formats = ["PNG", "JPEG"]', "formats"),
        ("width_min = 512", "width_min = 500", "width_min"),
        ('pixel_size_um_max = "1.03"', 'pixel_size_um_max = "1.06"', "pixel_size_um_max"),
        ('focus_min = "1.0"', 'focus_min = "0.5"', "focus_min"),
        ('illumination_max = "0.35"', 'illumination_max = "0.41"', "illumination_max"),
    ],
)
def test_wider_than_the_package_is_refused(ready: Any, written: Any, old: str, new: str, field: str) -> None:
    """The limits of the shipped package: 512 pixels, 0.95 to 1.05 micrometres, focus 0.9604, illumination 0.4042."""
    with pytest.raises(InvalidInputError) as refused:
        intend(ready, written((old, new)))
    assert refused.value.where == f"input_space.{field}"
    assert not hasattr(ready, "shown"), "nobody was asked to sign it"
    assert ready.entries("intended_use_signed") == []


@pytest.mark.parametrize(
    ("replaced", "more", "said"),
    [
        ((), 'colour = "any"\n', "colour: Extra inputs are not permitted"),
        ((('staining = "none: phase contrast"\n', ""),), "", "staining: Field required"),
        ((("passage_min = 10", 'passage_min = "10"'),), "", "passage_min: Input should be a valid integer"),
        ((("passage_min = 10", "passage_min = true"),), "", "passage_min: Input should be a valid integer"),
        ((("passage_min = 10", "passage_min = 26"),), "", "passage_min is above passage_max"),
        (
            (('biases = ["All cultures came from one site"]', "biases = []"),),
            "",
            "biases: Tuple should have at least 1",
        ),
        ((('"Neuroepithelial stem cells"', '"Cells\\nNever tested"'),), "", "cell_type: String should match pattern"),
        ((('"Neuroepithelial stem cells"', '"Cells \\u202Edetset"'),), "", "cell_type: String should match pattern"),
        ((('"Neuroepithelial stem cells"', "2026-01-01"),), "", "the file cannot be read"),
        ((("[input_space]", "[input_space"),), "", "the file cannot be read"),
    ],
)
def test_a_file_that_is_not_complete_and_correct_is_refused(
    written: Any, replaced: tuple[tuple[str, str], ...], more: str, said: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_intended_use(written(*replaced, more=more))
    assert said in refused.value.what


@pytest.mark.requirement("UR-MODELS-08", reviewed="da461e75", negative=True)
def test_who_is_not_the_expert_may_not_sign(ready: Any, written: Any) -> None:
    for who in ("admin", "qa", "operator", "reviewer", "scientist", "auditor"):
        with pytest.raises(NotAuthorisedError, match="may not do this: models intend"):
            intend(ready, written(), who=who)
    assert len(ready.refused()) == 6


def test_who_installed_the_package_may_not_sign(founded: Any, written: Any) -> None:
    """The reviewer, who may install, is also the expert."""
    from tests.conftest import model_folder

    models.install(founded.session("reviewer"), model_folder())
    people.grant(
        founded.session("qa"), "r.ozdemir", "subject matter expert", "T", None, "Second role", founded.signs("qa")
    )
    with pytest.raises(NotAuthorisedError, match="nobody signs the intended use of a model they installed"):
        intend(founded, written(), who="reviewer")
    assert founded.refused() == [("r.ozdemir", "models.intend", "NotAuthorisedError")]


def test_a_role_that_excludes_it_is_not_granted(founded: Any) -> None:
    for person in ("d.sandell", "a.lindqvist"):
        with pytest.raises(InvalidInputError, match="cannot be held together"):
            people.grant(
                founded.session("qa"), person, "subject matter expert", "T", None, "Second role", founded.signs("qa")
            )


def test_a_package_that_is_not_installed_is_not_found(founded: Any, written: Any) -> None:
    with pytest.raises(NotFoundError, match="no installed model fits"):
        intend(founded, written())


def test_a_retired_package_gets_no_further_one(ready: Any, written: Any) -> None:
    models.retire(ready.session("qa"), NAME, "No longer needed", ready.signs("qa"))
    with pytest.raises(OutOfSequenceError, match="the model is retired"):
        intend(ready, written())


def test_a_wrong_passphrase_signs_nothing(ready: Any, written: Any) -> None:
    use = read_intended_use(written())
    with pytest.raises(AuthenticationError):
        intended_use.intend(ready.session("expert"), NAME, use, None, ready.signs("expert", "not the passphrase"))
    assert ready.entries("intended_use_signed") == []


def test_the_largest_intended_use_fits_into_one_entry(ready: Any, written: Any) -> None:
    """As many lines as there may be, quotes in all of them, filled up to the limit to the byte."""
    use = read_intended_use(written())
    lines = tuple(f'{n} """' for n in range(MOST_LINES))
    groups = tuple({"name": f'{n} """', "why": "w"} for n in range(MOST_LINES))
    value = use.model_dump(mode="json") | dict.fromkeys(("instruments", "objectives", "limitations", "biases"), lines)
    value |= {"subgroups": groups}
    filled = ("purpose", "output_use", "operator_task", "population", "cell_type", "staining", "responsible")
    for field in filled:
        room = CONTENT_LIMIT - len(canonical_json(value))
        value[field] += "å" * min(1900, room // 2)
    value["limitations"] = (*lines[:-1], lines[-1] + "x" * (CONTENT_LIMIT - len(canonical_json(value))))
    full = IntendedUse.model_validate(value, strict=False)
    assert len(canonical_json(full.model_dump(mode="json"))) == CONTENT_LIMIT
    intended_use.intend(ready.session("expert"), NAME, full, "r" * 1000, ready.signs("expert"))
    assert ready.entries("intended_use_signed")[0].record.intended_use == full


def test_one_byte_more_is_refused_before_anybody_signs(written: Any) -> None:
    long = "å" * 1900
    fields = ("Tell whether a culture shows rosettes", "none: phase contrast", "NES-DEMO, autologous")
    path = written(*((field, long) for field in fields), ('"10x, NA 0.30"', ", ".join([f'"{long}"'] * 4)))
    with pytest.raises(RecordTooLargeError, match=f"the limit is {CONTENT_LIMIT}"):
        read_intended_use(path)
