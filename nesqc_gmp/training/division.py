"""Which images train, calibrate and test, and the folds of a cross-validation by family."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.training.images import LabelledImage

Images = tuple[LabelledImage, ...]

SPLITS = ("training", "calibration", "test")


@dataclass(frozen=True, slots=True)
class Fold:
    """One family held out.

    Attributes:
        name: The family.
        training: Images of the other families that are no copies of a held-out image.
        held_out: Images of the family.
        copies: Names of the images that were left out of training because they are copies.
    """

    name: str
    training: Images
    held_out: Images
    copies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Division:
    """The images of each split.

    Attributes:
        training: What the network learns from.
        calibration: What thresholds and limits are set on; empty with cross-validation.
        test: What neither saw; may be empty with cross-validation.
        folds: One a family, over all images that are not for the test; empty without cross-validation.
    """

    training: Images
    calibration: Images
    test: Images
    folds: tuple[Fold, ...]

    @property
    def splits(self) -> dict[str, Images]:
        """The splits by name."""
        return {"training": self.training, "calibration": self.calibration, "test": self.test}

    @property
    def sha256(self) -> str:
        """SHA-256 of the names in each split, and in the training images of each fold."""
        parts = {**self.splits, **{f"fold {fold.name}": fold.training for fold in self.folds}}
        return sha256_hex(canonical_json({name: [image.name for image in images] for name, images in parts.items()}))


def divide(
    images: Images, split_of: Sequence[str], copies: Collection[tuple[str, str]], *, by_family: bool
) -> Division:
    """Divide the images; with cross-validation, what would calibrate trains as well.

    Args:
        images: All images.
        split_of: Split of each.
        copies: Pairs of names of images that are copies of each other.
        by_family: Whether there is a cross-validation.

    Raises:
        InvalidInputError: A split lacks a class, or there are too few families.
    """
    chosen = {
        name: tuple(image for image, split in zip(images, split_of, strict=True) if split == name) for name in SPLITS
    }
    if not by_family:
        for name in SPLITS:
            _require_both_classes(chosen[name], name)
        return Division(chosen["training"], chosen["calibration"], chosen["test"], ())
    development = tuple(image for image, split in zip(images, split_of, strict=True) if split != "test")
    _require_both_classes(development, "training")
    return Division(development, (), chosen["test"], _folds(development, copies))


def _folds(images: Images, copies: Collection[tuple[str, str]]) -> tuple[Fold, ...]:
    families = sorted({image.family for image in images})
    if len(families) < 2 or "" in families:
        raise InvalidInputError(
            "cross-validation needs a family for each image, and at least two families",
            where="manifest, column of the family",
            remedy="Fill the column, or leave cross_validation out of the plan.",
        )
    near: dict[str, set[str]] = {}
    for first, second in copies:
        near.setdefault(first, set()).add(second)
        near.setdefault(second, set()).add(first)
    return tuple(_fold(family, images, near) for family in families)


def _fold(family: str, images: Images, near: dict[str, set[str]]) -> Fold:
    held_out = tuple(image for image in images if image.family == family)
    names = {image.name for image in held_out}
    others = [image for image in images if image.family != family]
    copies = tuple(image.name for image in others if near.get(image.name, set()) & names)
    left = set(copies)
    return Fold(family, tuple(image for image in others if image.name not in left), held_out, copies)


def _require_both_classes(images: Images, split: str) -> None:
    classes = {image.conforming for image in images}
    if len(classes) == 2:
        return
    found = f"only images that are {'' if True in classes else 'not '}conforming" if classes else "no image"
    raise InvalidInputError(
        f"the split for {split} holds {found}",
        where="manifest",
        remedy="Give more cultures of both classes, or other fractions or another seed of the split.",
    )
