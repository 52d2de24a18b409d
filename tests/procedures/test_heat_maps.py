"""Looking at heat maps: the recorded map and nothing else, the look itself recorded, every refusal leaving no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NotAuthorisedError, NotFoundError, OutOfSequenceError
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.procedures import batches, heat_maps
from nesqc_gmp.reports import heat_map as drawing


@pytest.mark.requirement("UR-AUDIT-16", reviewed="8666df3e")
@pytest.mark.requirement("UR-MODELS-17", reviewed="6af3b575")
def test_the_picture_is_of_the_recorded_map_and_the_look_is_in_the_log(
    analysed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []

    def draw(samples: Any, heat_map: Any, caption: Any) -> bytes:
        drawn.append((heat_map, caption))
        return drawing.render_heat_map(samples, heat_map, caption)

    def never(*_: object) -> Any:
        raise AssertionError("a new inference")

    monkeypatch.setattr(heat_maps, "render_heat_map", draw)
    for name in ("__init__", "prepare", "predict_prepared"):
        monkeypatch.setattr(Engine, name, never)
    out = tmp_path / "map.png"
    heat_maps.explain(analysed.session("auditor"), "B-1", "C01_F02", out)
    scored = next(e for e in analysed.entries("image_scored") if e.record.image == "C01_F02")
    ((heat_map, caption),) = drawn
    assert heat_map == scored.record.prediction.heat_map
    facts = dict(caption.facts)
    assert facts["Score"].startswith(scored.record.prediction.score + " ")
    assert facts["Outcome"] == scored.record.outcome
    assert facts["Image digest"] == scored.record.sha256
    assert facts["Model digest"] == analysed.entries("attempt_opened")[0].record.model_sha256
    assert facts["Model"] == "nes-morphology-sim 1.1.0"
    assert caption.mark == "DEMONSTRATION – NOT FOR GMP USE · simulated image"
    (look,) = analysed.entries("heat_map_shown")
    assert (look.subject.id, look.record.attempt, look.record.image) == ("B-1", 1, "C01_F02")
    assert (look.actor.person, look.actor.role) == ("u.hallgren", "auditor")
    assert look.record.png_sha256 == sha256_hex(out.read_bytes())


@pytest.mark.requirement("UR-MODELS-17", reviewed="6af3b575")
def test_a_second_look_is_a_second_record_of_the_same_bytes(analysed: Any, tmp_path: Path) -> None:
    for number in (1, 2):
        heat_maps.explain(analysed.session("operator"), "B-1", "C01_F01", tmp_path / f"{number}.png")
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()
    first, second = (entry.record for entry in analysed.entries("heat_map_shown"))
    assert first == second


def test_a_look_changes_no_signature_and_no_stage(analysed: Any, life: Any, tmp_path: Path) -> None:
    acts = life(analysed)
    acts.signed("B-1")
    heat_maps.explain(analysed.session("qa"), "B-1", "C01_F01", tmp_path / "map.png")
    assert analysed.batch("B-1").batch.stage == "reviewed"
    acts.release("B-1")
    assert analysed.batch("B-1").batch.stage == "released"


def test_the_map_of_a_running_attempt_can_be_seen(ready: Any, life: Any, pictures: Any, tmp_path: Path) -> None:
    acts = life(ready)
    acts.register("B-1")
    acts.receive("B-1", pictures.good(2))
    acts.seal("B-1")
    seen: list[Any] = []

    def look(progress: Any) -> None:
        out = tmp_path / f"{progress.done}.png"
        seen.append(heat_maps.explain(ready.session("expert"), "B-1", progress.scored.image, out))

    acts.analyse("B-1", shown=look)
    assert [record.image for record in seen] == ["C01_F01", "C01_F02"]


def test_an_aborted_attempt_explains_nothing(ready: Any, life: Any, pictures: Any, tmp_path: Path) -> None:
    acts = life(ready)
    acts.register("B-1")
    acts.receive("B-1", pictures.good(2))
    acts.seal("B-1")

    def stop(progress: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        acts.analyse("B-1", shown=stop)
    out = tmp_path / "map.png"
    with pytest.raises(OutOfSequenceError, match="no completed or running attempt holds a prediction"):
        heat_maps.explain(ready.session("operator"), "B-1", "C01_F01", out)
    assert not out.exists()
    assert ready.entries("heat_map_shown") == []


def test_an_image_without_a_prediction_has_no_map(
    ready: Any, life: Any, pictures: Any, approved: Any, specification_of: Any, tmp_path: Path
) -> None:
    """A specification so narrow that every image fails the input check before the model."""
    (model,) = (entry.record for entry in ready.entries("model_installed"))
    narrow = specification_of(model, version=2, input_space={"focus_min": "1000"})
    name = approved(ready, narrow)
    life(ready).analysed("B-1", pictures.good(2), name)
    with pytest.raises(OutOfSequenceError, match="failed the input check never gets a prediction"):
        heat_maps.explain(ready.session("operator"), "B-1", "C01_F01", tmp_path / "map.png")


def test_nothing_is_overwritten(analysed: Any, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    out.write_text("mine")
    with pytest.raises(InvalidInputError, match="something of this name"):
        heat_maps.explain(analysed.session("operator"), "B-1", "C01_F01", out)
    with pytest.raises(InvalidInputError, match=r"there is no folder .*nowhere"):
        heat_maps.explain(analysed.session("operator"), "B-1", "C01_F01", tmp_path / "nowhere" / "map.png")
    for name in ("map.jpg", "map", "map.png.tiff"):
        with pytest.raises(InvalidInputError, match=r"written as PNG.*end in \.png"):
            heat_maps.explain(analysed.session("operator"), "B-1", "C01_F01", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("map")] == ["map.png"]
    assert out.read_text() == "mine"
    assert analysed.entries("heat_map_shown") == []


@pytest.mark.requirement("UR-MODELS-17", reviewed="6af3b575", negative=True)
def test_an_edited_original_is_refused_and_the_refusal_recorded(analysed: Any, tmp_path: Path) -> None:
    original = analysed.site.objects.path(analysed.entries("image_scored")[0].record.sha256)
    data = original.read_bytes()
    original.unlink()  # copies of a site share their originals by links
    original.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    out = tmp_path / "map.png"
    with pytest.raises(IntegrityError, match="was altered"):
        heat_maps.explain(analysed.session("operator"), "B-1", "C01_F01", out)
    assert not out.exists()
    assert analysed.entries("heat_map_shown") == []
    assert analysed.refused() == [("o.brannstrom", "models.explain", "IntegrityError")]


def test_unknown_names_are_refused(analysed: Any, tmp_path: Path) -> None:
    for batch, image in (("B-9", "C01_F01"), ("B-1", "C01_F77")):
        with pytest.raises(NotFoundError):
            heat_maps.explain(analysed.session("operator"), batch, image, tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()


def test_the_administrator_sees_no_heat_map(analysed: Any, tmp_path: Path) -> None:
    with pytest.raises(NotAuthorisedError):
        heat_maps.explain(analysed.session("admin"), "B-1", "C01_F01", tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()


@pytest.mark.requirement("UR-BATCHES-15", reviewed="6cc0800e", negative=True)
def test_who_saw_the_heat_map_does_not_read_blinded(analysed: Any, tmp_path: Path) -> None:
    """The picture carries the score."""
    session = analysed.session("reviewer")
    heat_maps.explain(session, "B-1", "C01_F01", tmp_path / "map.png")
    with pytest.raises(NotAuthorisedError, match="your reading is not blinded"):
        batches.read(session, "B-1", "C01_F01", "conforming", "Rosettes seen", blinded=True)
    batches.read(session, "B-1", "C01_F02", "conforming", "Rosettes seen", blinded=True)
    batches.read(session, "B-1", "C01_F01", "conforming", None, blinded=False)
