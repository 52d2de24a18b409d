"""The example fields of a certificate: always the worst one first, then others that show the range."""

from __future__ import annotations

from decimal import Decimal

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.picture import render_heat_map_jpeg, render_jpeg
from nesqc_gmp.objects import ObjectStore
from nesqc_gmp.procedures.certificates.lines import decisive_score, image_lines
from nesqc_gmp.records.certificate_lines import ExampleImage, ImageLine
from nesqc_gmp.records.certificates import worst_image
from nesqc_gmp.state.batches import Batch

EXAMPLES = 4
PICTURE_EDGE = 320
"""Edge of a printed picture, in pixels."""


def choose(batch: Batch) -> tuple[ImageLine, ...]:
    """The worst image, then the best, the median and the worst of another culture."""
    scored = sorted(
        (line for line in image_lines(batch) if line.score is not None), key=lambda line: Decimal(line.score or 0)
    )
    worst = worst_image(image_lines(batch))
    if worst is None:
        return ()
    elsewhere = [line for line in scored if line.culture != worst.culture]
    wanted = [worst, scored[-1], scored[len(scored) // 2], *elsewhere[:1], *scored]
    return tuple(dict.fromkeys(wanted))[:EXAMPLES]


def examples(batch: Batch, objects: ObjectStore) -> tuple[tuple[ExampleImage, ...], dict[str, bytes]]:
    """The examples with their pictures by digest, rendered from the originals."""
    lines: list[ExampleImage] = []
    pictures: dict[str, bytes] = {}
    for chosen in choose(batch):
        scored = decisive_score(batch, chosen.image)
        if scored is None or scored.prediction is None:
            continue
        frame = decode(objects.read(scored.sha256), name=chosen.image)
        thumbnail = render_jpeg(frame.samples, size=PICTURE_EDGE)
        heat_map = render_heat_map_jpeg(frame.samples, scored.prediction.heat_map, size=PICTURE_EDGE)
        digests = sha256_hex(thumbnail), sha256_hex(heat_map)
        pictures |= dict(zip(digests, (thumbnail, heat_map), strict=True))
        lines.append(ExampleImage(image=chosen.image, thumbnail_sha256=digests[0], heat_map_sha256=digests[1]))
    return tuple(lines), pictures
