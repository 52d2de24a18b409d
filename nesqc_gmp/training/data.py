"""The manifest and the folder of images of a plan to labelled images, divided without leakage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nesqc_gmp.datasets.boxes import read_boxes
from nesqc_gmp.datasets.burnt_in import require_nothing_burnt_in
from nesqc_gmp.datasets.leakage import CopyPair, Fingerprint, find_copies, fingerprint, require_no_leakage
from nesqc_gmp.datasets.manifest import Manifest, ManifestRow, read_manifest, require_two_classes
from nesqc_gmp.datasets.split import require_apart, split_groups
from nesqc_gmp.errors import ImageRejectedError, InvalidInputError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.records.model_tests import DevelopmentImage
from nesqc_gmp.training.division import SPLITS, Division, divide
from nesqc_gmp.training.images import Box, LabelledImage, LeftOut
from nesqc_gmp.training.plan import DataSection
from nesqc_gmp.training.plan_file import Places


@dataclass(frozen=True, slots=True)
class Loaded:
    """The images of a plan.

    Attributes:
        division: The images of each split.
        left_out: Images of the manifest that are not used, with the reason.
        copies: Pairs of images that are copies of each other, wherever they are.
        manifest_sha256: Digest of the manifest and of every image it names.
        development: Fingerprints of every image that was used, for the independence of later tests.
    """

    division: Division
    left_out: tuple[LeftOut, ...]
    copies: tuple[CopyPair, ...]
    manifest_sha256: str
    development: tuple[DevelopmentImage, ...]

    @property
    def conflicting(self) -> int:
        """Pairs of copies whose labels differ: a measure of how far the labels can be trusted."""
        labels = {image.name: image.conforming for part in self.division.splits.values() for image in part}
        return sum(labels[pair.first] != labels[pair.second] for pair in self.copies)


def load(places: Places, show: Callable[[str, int, int], None]) -> Loaded:
    """Read, decode and divide the images of a plan.

    Args:
        places: The plan and where its images lie.
        show: Takes what is done, how much of it, and how much there is.

    Raises:
        InvalidInputError: The manifest is wrong, a file is missing or not the one it names, an image is unreadable and
            not excluded, a class or a family is missing, or copies lie in different splits.
    """
    data = places.plan.data
    manifest = read_manifest(places.manifest, places.images)
    _require_as_declared(manifest, data, places.manifest)
    require_two_classes(manifest.used, str(places.manifest))
    _require_columns(manifest, data, places.manifest)
    left_out = [LeftOut(row.image, f"excluded: {row.excluded}") for row in manifest.rows if row.excluded]
    read: list[tuple[ManifestRow, LabelledImage, Fingerprint]] = []
    for number, row in enumerate(manifest.used, start=1):
        show("images", number, len(manifest.used))
        try:
            read.append((row, *_image(row, places.images, data)))
        except (ImageRejectedError, InvalidInputError) as refusal:
            if data.unreadable == "refuse":
                raise _unreadable(row, refusal) from refusal
            left_out.append(LeftOut(row.image, refusal.what))
    rows = [row for row, _, _ in read]
    copies = find_copies([found for _, _, found in read], lambda done, of: show("copies", done, of))
    splits = _splits(rows, data)
    require_no_leakage(copies, {row.image: split for row, split in zip(rows, splits, strict=True)})
    folds = places.plan.cross_validation is not None
    pairs = {(pair.first, pair.second) for pair in copies}
    division = divide(tuple(image for _, image, _ in read), splits, pairs, by_family=folds)
    development = tuple(
        _development(row, found, split) for (row, _, found), split in zip(read, splits, strict=True)
    )  # fmt: skip
    return Loaded(division, tuple(left_out), copies, manifest.sha256, development)


def _development(row: ManifestRow, found: Fingerprint, split: str) -> DevelopmentImage:
    return DevelopmentImage.model_validate(
        {
            "image": row.image,
            "split": split,
            "sha256": found.bytes_sha256,
            "pixels_sha256": found.pixels_sha256,
            "perceptual_hash": found.perceptual,
            "culture": row.culture,
            "donor": row.donor,
        }
    )


def _require_columns(manifest: Manifest, data: DataSection, file: Path) -> None:
    """Every subgroup of the plan is a column in which at least one image has a value."""
    for name in data.subgroups:
        if not any(row.group(name) for row in manifest.used):
            raise InvalidInputError(
                f"the manifest has no column {name} with a value",
                where=f"{file}, data.subgroups of the plan",
                remedy="Fill the column, or take the name out of the plan.",
            )


def _require_as_declared(manifest: Manifest, data: DataSection, file: Path) -> None:
    """Simulated images are never called real, nor real ones simulated."""
    for row in manifest.rows:
        if row.simulated != data.simulated:
            raise InvalidInputError(
                f"the image {row.image} is {'' if row.simulated else 'not '}simulated, and the plan says otherwise",
                where=f"{file}, column simulated",
                remedy="Correct data.simulated in the plan, or the manifest.",
            )


def _unreadable(row: ManifestRow, refusal: ImageRejectedError | InvalidInputError) -> InvalidInputError:
    return InvalidInputError(
        refusal.what,
        where=row.image,
        remedy='Replace the file, or write the reason into the column "excluded" of the manifest.',
    )


def _image(row: ManifestRow, folder: Path, data: DataSection) -> tuple[LabelledImage, Fingerprint]:
    frame = decode((folder / row.image).read_bytes(), name=row.image)
    facts = frame.facts
    if facts.sha256 != row.sha256:
        raise InvalidInputError("the file changed while it was read", where=row.image, remedy="Begin again.")
    if not row.simulated:
        # A simulated picture says so in its corner, in both classes alike, and some say it in their metadata only.
        require_nothing_burnt_in(frame.samples, row.image)
    boxes = None
    if row.objects is not None:
        found = read_boxes(folder / row.objects, facts.width, facts.height)
        boxes = tuple(
            Box(box.left, box.top, box.right, box.bottom, box.name not in data.not_conforming_objects) for box in found
        )
    image = LabelledImage(
        name=row.image,
        samples=gray_samples(frame.samples),
        conforming=row.label == "conforming",
        culture=row.culture,
        donor=row.donor,
        family=row.group(data.family),
        attributes={name: row.group(name) for name in data.subgroups},
        boxes=boxes,
    )
    return image, fingerprint(row.image, facts.sha256, facts.pixels_sha256, frame.samples)


def _splits(rows: Sequence[ManifestRow], data: DataSection) -> tuple[str, ...]:
    """The split of each row, drawn or as the manifest says."""
    split = data.split
    if split.column is None:
        return split_groups(rows, split.fractions.model_dump(), by=split.by, seed=split.seed)
    named = tuple(row.group(split.column) for row in rows)
    for row, name in zip(rows, named, strict=True):
        if name not in SPLITS:
            raise InvalidInputError(
                f"{name!r} is no split",
                where=f"{row.image}, column {split.column}",
                remedy=f"Write {', '.join(SPLITS)}.",
            )
    require_apart(rows, named, split.by)
    return named
