"""The read models: every row a pure function of one leaf, so that `verify` can compute each again and compare."""

from __future__ import annotations

from typing import Any

from nesqc_gmp.records.entry import CONTENT_KINDS

Row = tuple[Any, ...]


def entry_row(body: dict[str, Any]) -> Row:
    """The row of ``entry`` for one leaf: index, kind, subject, person, role, time, reason, is content."""
    subject, actor, kind = body["subject"], body["actor"], body["record"]["kind"]
    return (
        body["index"],
        kind,
        subject["type"],
        subject["id"],
        actor["person"],
        actor["role"],
        body["time"]["utc"],
        body["reason"],
        int(kind in CONTENT_KINDS),
    )


def image_row(body: dict[str, Any]) -> Row | None:
    """The row of ``image`` for one leaf, where it is a received image."""
    record = body["record"]
    if record["kind"] != "image_received":
        return None
    facts = record["facts"]
    return (
        body["index"],
        body["subject"]["id"],
        record["image"],
        facts["sha256"],
        facts["pixels_sha256"],
        facts["perceptual_hash"],
    )


def score_row(body: dict[str, Any]) -> Row | None:
    """The row of ``score`` for one leaf, where it is a scored image."""
    record = body["record"]
    if record["kind"] != "image_scored":
        return None
    prediction = record["prediction"]
    return (
        body["index"],
        body["subject"]["id"],
        record["attempt"],
        record["image"],
        prediction["score"] if prediction else None,
        record["outcome"],
    )


PROJECTIONS = {"entry": entry_row, "image": image_row, "score": score_row}
