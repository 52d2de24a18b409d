"""Copies of images: the same bytes, the same pixels, or nearly the same scene under another name.

A copy of a training image in a test set makes the test worthless, and copies hide under other names. Three looks:

1. digest of the bytes and of the decoded samples;
2. perceptual hash of the whole image (``imaging.perceptual``): saved again, brighter, turned, mirrored; a pair with
   near hashes is a copy where small pictures of both, without their light, correlate in one of the eight orientations;
3. places of strong contrast: patches around them are compared in all eight orientations, and pairs of images in
   which several patches agree on one shift are laid over each other. The overlap must correlate above a limit. This
   finds crops. Lines of a counting chamber run through whole rows or columns; the median of each row and column is
   taken away first, so two images that share only a line do not agree.

Measured on real brightfield images of 220 x 220 pixels. Every sixth of 1,852 was taken; 50 of these 309, changed and
looked for among them: saved as JPEG of quality 80, turned by 90 degrees, mirrored, brighter by a fifth, contrast 0.7,
gamma 0.8 and 1.3, cut to 90 and 80 % of the area: all 50 found; cut to 70 and 60 %: 49; cut to 70 %, mirrored and
turned: 50; turned by 2, 5 and 10 degrees: 8, 2 and 0. With places of contrast chosen more sparingly and patches of an
even edge, the whole set gave 70 pairs of the same bytes, 1,591 of near hashes and 150 of one scene shifted, of which
those looked at were the same scene; pairs below a correlation of 0.92 were not. Of 250 pairs of near hashes the small
pictures of 248 correlate by 0.79 and more, those of two by 0.10 and 0.14; of 20 pairs of simulated sheets of cells
that have near hashes and nothing else in common by 0.12 at most.

Not found: a crop that was also resized, a turn by another angle than a multiple of 90 degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.frame import luminance
from nesqc_gmp.imaging.perceptual import NEAR_DUPLICATE_DISTANCE, perceptual_distance, perceptual_hash

Samples = NDArray[np.uint8] | NDArray[np.uint16]
Floats = NDArray[np.float32]
Kind = Literal["same bytes", "same pixels", "near copy", "same scene"]

_KEYPOINTS, _PATCH, _BLOCKS = 32, 25, 5
"""Places an image, edge of a patch in pixels (odd, so that a turned patch lies on the same pixels), blocks an edge."""

_NOISE = 3
"""Smallest strength of a place, in medians of the image; an even sheet of cells has no stronger ones."""

_ALIKE = 0.97
"""Smallest correlation of two patches that are taken for the same."""

_AGREEING = 3
"""Patches that must agree on one shift."""

_BIN = 3
_CORRELATION_MIN = 0.92
_OVERLAP_MIN = 0.35
"""Smallest overlap, as a share of the smaller image, and smallest correlation in it, of one scene."""

_SMALL, _SMALL_LIGHT, _SMALL_MIN = 32, 2.0, 0.5
"""Edge of a small picture, sigma of what is taken for its light, and the smallest correlation of two of a copy."""

_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of an image to find its copies, without the image.

    Attributes:
        name: Its name.
        bytes_sha256: Digest of the file.
        pixels_sha256: Digest of the decoded samples.
        perceptual: Perceptual hash.
        small: ``(32, 32)`` the image made small, without its light.
        shape: Height and width of the band-passed image.
        places: ``(k, 2)`` row and column of the places of strong contrast.
        patches: ``(k, 25)`` normalised patches around them.
        scene: Band-passed image in 16-bit floats.
    """

    name: str
    bytes_sha256: str
    pixels_sha256: str
    perceptual: str
    small: Floats
    shape: tuple[int, int]
    places: NDArray[np.int32]
    patches: Floats
    scene: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class CopyPair:
    """Two images that are copies.

    Attributes:
        first: Name of one.
        second: Name of the other.
        kind: The strongest kind that holds.
        evidence: For people: the digest, the bits of the hash that differ, or the correlation of the overlap.
    """

    first: str
    second: str
    kind: Kind
    evidence: str


def fingerprint(name: str, bytes_sha256: str, pixels_sha256: str, samples: Samples) -> Fingerprint:
    """The fingerprint of one decoded image."""
    scene = _band_passed(samples)
    places = _places(scene)
    return Fingerprint(
        name=name,
        bytes_sha256=bytes_sha256,
        pixels_sha256=pixels_sha256,
        perceptual=perceptual_hash(samples),
        small=_small(samples),
        shape=(scene.shape[0], scene.shape[1]),
        places=places,
        patches=_patches(scene, places),
        scene=scene.astype(np.float16),
    )


def find_copies(
    images: Sequence[Fingerprint], show: Callable[[int, int], None] = lambda done, total: None
) -> tuple[CopyPair, ...]:
    """Every pair of images that are copies, each pair once with its strongest kind.

    Args:
        images: Fingerprints of all images, of all splits.
        show: Called with the comparisons done and those in all.
    """
    found: dict[tuple[int, int], CopyPair] = {}
    for first, second, kind, evidence in (*_same(images), *_near(images), *_scenes(images, show)):
        place = (min(first, second), max(first, second))
        found.setdefault(place, CopyPair(images[place[0]].name, images[place[1]].name, kind, evidence))
    return tuple(found[place] for place in sorted(found))


def require_no_leakage(pairs: Iterable[CopyPair], split_of: dict[str, str]) -> None:
    """Refuse a division in which copies lie in different splits.

    Raises:
        InvalidInputError: Some do; the pairs are listed.
    """
    across = [pair for pair in pairs if split_of[pair.first] != split_of[pair.second]]
    if not across:
        return
    listed = "; ".join(
        f"{p.first} ({split_of[p.first]}) and {p.second} ({split_of[p.second]}): {p.kind}, {p.evidence}"
        for p in across[:20]
    )
    rest = f"; and {len(across) - 20} more" if len(across) > 20 else ""
    count = f"{len(across)} pairs of images are copies" if len(across) > 1 else "one pair of images are copies"
    raise InvalidInputError(
        f"{count} and lie in different splits: {listed}{rest}",
        where="manifest",
        remedy="Give copies the same culture or donor, or exclude all but one with a reason.",
    )


_Found = tuple[int, int, Kind, str]


def _same(images: Sequence[Fingerprint]) -> list[_Found]:
    found: list[_Found] = []
    for kind, key in (("same bytes", "bytes_sha256"), ("same pixels", "pixels_sha256")):
        groups: dict[str, list[int]] = {}
        for place, image in enumerate(images):
            groups.setdefault(getattr(image, key), []).append(place)
        for digest, members in groups.items():
            pairs = [(a, b) for i, a in enumerate(members) for b in members[i + 1 :]]
            found += [(a, b, "same bytes" if kind == "same bytes" else "same pixels", digest[:16]) for a, b in pairs]
    return found


def _near(images: Sequence[Fingerprint]) -> list[_Found]:
    found: list[_Found] = []
    hashes = [image.perceptual for image in images]
    for first, second in _hash_candidates(hashes):
        distance = perceptual_distance(hashes[first], hashes[second])
        if distance > NEAR_DUPLICATE_DISTANCE:
            continue
        alike = _alike(images[first].small, images[second].small)
        if alike >= _SMALL_MIN:
            evidence = f"{distance} of 63 bits differ, small pictures correlate {alike:.2f}"
            found.append((first, second, "near copy", evidence))
    return found


def _small(samples: Samples) -> Floats:
    """The image in 32 x 32 means, without slow light and without what runs through whole rows or columns."""
    from scipy.ndimage import gaussian_filter

    image = luminance(samples)
    means = _means(_means(image, 0), 1)
    means = means / max(float(means.mean()), 1e-6)
    means = means - gaussian_filter(means, _SMALL_LIGHT)
    means = means - np.median(means, axis=1, keepdims=True)
    return np.asarray(means - np.median(means, axis=0, keepdims=True), dtype=np.float32)


def _means(image: NDArray[np.floating[Any]], axis: int) -> NDArray[np.float64]:
    """Means of 32 parts along an axis; of an image that has fewer pixels, some stand in several parts."""
    size = image.shape[axis]
    starts = np.arange(_SMALL) * size // _SMALL
    ends = np.maximum((np.arange(_SMALL) + 1) * size // _SMALL, starts + 1)
    parts = [image.take(range(start, end), axis=axis).mean(axis=axis) for start, end in zip(starts, ends, strict=True)]
    return np.asarray(np.stack(parts, axis=axis), dtype=np.float64)


def _alike(first: Floats, second: Floats) -> float:
    """Largest correlation of two small pictures over the eight orientations; 0 where one is flat."""
    one = first - first.mean()
    length = float(np.linalg.norm(one))
    best = -1.0
    for orientation in range(8):
        other = np.rot90(second[:, ::-1] if orientation >= 4 else second, orientation % 4)
        other = other - other.mean()
        scale = length * float(np.linalg.norm(other))
        best = max(best, float((one * other).sum()) / scale if scale > 1e-12 else 0.0)
    return best


def _hash_candidates(hashes: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs whose hashes are near in one orientation, by counts of set bits in 64-bit words."""
    from nesqc_gmp.imaging.perceptual import orientations

    own = np.array([int(value, 16) for value in hashes], dtype=np.uint64)
    turned = np.array([orientations(value) for value in hashes], dtype=np.uint64)
    pairs: list[tuple[int, int]] = []
    for place in range(len(hashes)):
        differing = np.bitwise_count(turned[place + 1 :] ^ own[place]).min(axis=1, initial=64)
        pairs += [(place, place + 1 + int(k)) for k in np.flatnonzero(differing <= NEAR_DUPLICATE_DISTANCE)]
    return pairs


def _band_passed(samples: Samples) -> Floats:
    """Relative contrast between one and eight pixels, without what runs through whole rows or columns."""
    from scipy.ndimage import gaussian_filter

    image = luminance(samples)
    image = image / max(float(image.mean()), 1e-6)
    band = gaussian_filter(image, 1.0) - gaussian_filter(image, 8.0)
    band = band - np.median(band, axis=1, keepdims=True)
    band = band - np.median(band, axis=0, keepdims=True)
    return np.asarray(band, dtype=np.float32)


def _places(scene: Floats) -> NDArray[np.int32]:
    """Strongest places, at most thirty-two, away from the border, each the strongest within four pixels."""
    from scipy.ndimage import maximum_filter

    strength = np.abs(scene)
    reach = _PATCH // 2
    inner = np.zeros(scene.shape, dtype=bool)
    inner[reach:-reach, reach:-reach] = True
    noise = float(np.median(strength))
    chosen = inner & (strength == maximum_filter(strength, 9)) & (strength > _NOISE * noise) & (strength > 1e-3)
    rows, columns = np.nonzero(chosen)
    order = np.argsort(-strength[rows, columns], kind="stable")[:_KEYPOINTS]
    return np.stack([rows[order], columns[order]], axis=1).astype(np.int32)


def _patches(scene: Floats, places: NDArray[np.int32]) -> Floats:
    reach, block = _PATCH // 2, _PATCH // _BLOCKS
    found = np.zeros((len(places), _BLOCKS * _BLOCKS), dtype=np.float32)
    for number, (row, column) in enumerate(places):
        patch = scene[row - reach : row + reach + 1, column - reach : column + reach + 1]
        means = patch.reshape(_BLOCKS, block, _BLOCKS, block).mean(axis=(1, 3)).ravel()
        means = means - means.mean()
        found[number] = means / max(float(np.linalg.norm(means)), 1e-9)
    return found


def _turned(patches: Floats, orientation: int) -> Floats:
    """Patches of an image that was mirrored (orientation 4 to 7) and then turned by quarters."""
    square = patches.reshape(-1, _BLOCKS, _BLOCKS)
    square = square[:, :, ::-1] if orientation >= 4 else square
    return np.ascontiguousarray(np.rot90(square, orientation % 4, axes=(1, 2))).reshape(patches.shape)


def _turned_scene(scene: NDArray[np.float16], orientation: int) -> NDArray[np.float16]:
    return np.rot90(scene[:, ::-1] if orientation >= 4 else scene, orientation % 4)


def _turned_places(places: NDArray[np.int32], shape: tuple[int, int], orientation: int) -> NDArray[np.int32]:
    """Where the centres of the patches lie after mirroring and turning."""
    rows, columns = places[:, 0].copy(), places[:, 1].copy()
    height, width = shape
    if orientation >= 4:
        columns = width - 1 - columns
    for _ in range(orientation % 4):
        rows, columns, height, width = width - 1 - columns, rows, width, height
    return np.stack([rows, columns], axis=1)


def _scenes(images: Sequence[Fingerprint], show: Callable[[int, int], None]) -> list[_Found]:
    """Pairs in which several patches agree on one orientation and shift, and whose overlap correlates."""
    if not images:
        return []
    patches = np.concatenate([image.patches for image in images])
    owner = np.repeat(np.arange(len(images)), [len(image.places) for image in images])
    places = np.concatenate([image.places for image in images])
    found: dict[tuple[int, int], float] = {}
    for orientation in range(8):
        turned = _turned(patches, orientation)
        laid = np.concatenate([_turned_places(image.places, image.shape, orientation) for image in images])
        votes: dict[tuple[int, int], list[NDArray[np.int32]]] = {}
        for start in range(0, len(patches), _CHUNK):
            show(orientation * len(patches) + start, 8 * len(patches))
            # Owners rise, so a later image never lies before the block; blocks keep the memory small.
            for after in range(start, len(patches), _CHUNK):
                one, other = np.nonzero(patches[start : start + _CHUNK] @ turned[after : after + _CHUNK].T > _ALIKE)
                one, other = one + start, other + after
                keep = owner[one] < owner[other]
                for a, b in zip(one[keep], other[keep], strict=True):
                    votes.setdefault((int(owner[a]), int(owner[b])), []).append(places[a] - laid[b])
        for pair, shifts in votes.items():
            agreed = _agreed(np.array(shifts)) if len(shifts) >= _AGREEING and pair not in found else None
            if agreed is None:
                continue
            correlation = _overlap(images[pair[0]].scene, _turned_scene(images[pair[1]].scene, orientation), agreed)
            if correlation >= _CORRELATION_MIN:
                found[pair] = correlation
    return [(a, b, "same scene", f"overlap correlates {value:.2f}") for (a, b), value in found.items()]


def _agreed(shifts: NDArray[np.int32]) -> tuple[int, int] | None:
    """The shift on which most patches agree within three pixels, where enough do."""
    near = (np.abs(shifts[:, None] - shifts[None, :]) <= _BIN).all(axis=2)
    counts = near.sum(axis=1)
    best = int(counts.argmax())
    if counts[best] < _AGREEING:
        return None
    row, column = np.median(shifts[near[best]], axis=0)
    return round(float(row)), round(float(column))


def _overlap(first: NDArray[np.float16], second: NDArray[np.float16], shift: tuple[int, int]) -> float:
    """Correlation of the overlap at the best of the shifts within one pixel; 0 where too little overlaps."""
    smaller = min(first.size, second.size)
    best = 0.0
    for row in range(shift[0] - 1, shift[0] + 2):
        for column in range(shift[1] - 1, shift[1] + 2):
            top, left = max(row, 0), max(column, 0)
            bottom, right = min(first.shape[0], second.shape[0] + row), min(first.shape[1], second.shape[1] + column)
            if bottom <= top or right <= left or (bottom - top) * (right - left) < _OVERLAP_MIN * smaller:
                continue
            one = first[top:bottom, left:right].astype(np.float32)
            other = second[top - row : bottom - row, left - column : right - column].astype(np.float32)
            one, other = one - one.mean(), other - other.mean()
            scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
            best = max(best, float((one * other).sum()) / scale if scale > 0 else 0.0)
    return best
