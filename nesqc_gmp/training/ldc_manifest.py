"""The manifest of the Living and Dead Cells images.

``python -m nesqc_gmp.training.ldc_manifest --images DIR --out FILE.csv`` writes it.

The images come without culture and donor. The family of the file name (``image_N``, ``image (N)``, ``ncell``, ``b``,
``c``, ``d``) is all that is known of where they come from, so it stands in both columns: nothing that is claimed of
cultures or donors can rest on more than that. An image is not conforming where a box names a dead cell.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError

COLUMNS = ("image", "sha256", "label", "culture", "donor", "family", "objects", "simulated")

_FAMILIES = (
    ("image_N", r"image_\d+"),
    ("imageN", r"image *\(?\d+\)?"),
    ("ncell", r"ncell.*"),
    ("b", r"b *\(\d+\)"),
    ("c", r"c *\(\d+\)"),
    ("d", r"d *\(\d+\)"),
)
"""Families and the names of their files, without the ending; ``image61``, ``image 61`` and ``image (61)`` are one."""


def family_of(stem: str) -> str:
    """Family of a file name without its ending; a name of no known family gives the letters that it begins with.

    Raises:
        InvalidInputError: The name begins with no letter.
    """
    for family, pattern in _FAMILIES:
        if re.fullmatch(pattern, stem):
            return family
    letters = re.match(r"[A-Za-z]+", stem)
    if letters is None:
        raise InvalidInputError("the name tells no family", where=stem, remedy="Write the manifest by hand.")
    return letters[0]


def write_manifest(images: Path, out: Path) -> int:
    """Write the manifest of a folder of PNG images with one Pascal VOC file each; gives the count of images.

    Raises:
        InvalidInputError: The manifest exists, the folder holds no image, or an image has no readable box file.
    """
    if out.exists():
        raise InvalidInputError("the file exists", where=str(out), remedy="Give another name.")
    rows = [_row(file) for file in sorted(images.glob("*.png"))]
    if not rows:
        raise InvalidInputError("the folder holds no PNG image", where=str(images), remedy="Give the folder images/.")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    out.write_text(text.getvalue(), encoding="utf-8")
    return len(rows)


def _row(file: Path) -> dict[str, str]:
    boxes = file.with_suffix(".xml")
    try:
        names = [found.text or "" for found in ElementTree.parse(boxes).getroot().iter("name")]  # noqa: S314
    except (OSError, ElementTree.ParseError) as error:
        raise InvalidInputError(
            f"no readable box file: {error}", where=str(boxes), remedy="Give images with their XML files."
        ) from error
    family = family_of(file.stem)
    return {
        "image": file.name,
        "sha256": sha256_hex(file.read_bytes()),
        "label": "not conforming" if "Dead Cell" in names else "conforming",
        "culture": family,
        "donor": family,
        "family": family,
        "objects": boxes.name,
        "simulated": "no",
    }


def main() -> None:
    """Parse the command line and write the manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of the images and their XML files")
    parser.add_argument("--out", type=Path, required=True, help="the manifest to write")
    arguments = parser.parse_args()
    print(f"{write_manifest(arguments.images, arguments.out)} images")


if __name__ == "__main__":
    main()
