"""What may differ between two pictures of one class: turn, size, light, contrast, blur, noise, compression.

All chance comes from one generator on the CPU, so a GPU draws the same changes.
"""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, pad

from nesqc_gmp.training.network import VIEWS, View
from nesqc_gmp.training.plan import AugmentationSection, Sometimes

FULL_SCALE = 65535.0
_LEAST = 64.0
"""Smallest count after augmentation: a quarter of an 8-bit grey level."""
_UPRIGHT = (View(False, ()), View(False, (3,)))
_REACH = 3
"""Half the width of the kernel of the blur, in pixels."""

IGNORED = 3
"""Mark of a place whose class is not known; see ``targets``."""


def reach(crop: int, plan: AugmentationSection) -> int:
    """Edge of the window that holds every turned and scaled square of ``crop`` pixels; even."""
    diagonal = math.sqrt(2) if plan.rotation == "any" else 1.0
    edge = math.ceil(crop * plan.scale * diagonal)
    return edge + edge % 2


def orientations(plan: AugmentationSection) -> tuple[View, ...]:
    """The ways to lay an image, of turns by 90 degrees and mirrors, that the plan holds for the same."""
    turned, mirrored = plan.rotation != "none", plan.flip
    return tuple(
        view
        for view in VIEWS["eight"]
        if (mirrored or view.transposed == (len(view.mirrored) == 1)) and (turned or view in _UPRIGHT)
    )


def augmented(
    images: Tensor, marks: Tensor | None, crop: int, plan: AugmentationSection, generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """Randomly changed copies of a batch of windows, cut to ``crop``.

    Args:
        images: ``(n, 1, reach, reach)`` counts as 32-bit floats.
        marks: ``(n, 1, reach, reach)`` classes of the places (see ``targets``), turned with the images; or ``None``.
        crop: Edge of the result.
        plan: What may change.
        generator: The source of chance.
    """
    images, marks = _placed(images, marks, crop, plan, generator)
    images = _lit(images, plan, generator)
    if plan.blur is not None:
        images = _blurred(images, plan.blur, generator)
    if plan.noise:
        strength = _uniform(len(images), 0.0, 1.0, generator) ** 2 * plan.noise * FULL_SCALE
        images = images + strength * torch.randn(images.shape, generator=generator)
    images = images.clamp(_LEAST, FULL_SCALE)
    if plan.compression is not None:
        images = _compressed(images, plan.compression, generator)
    return images, marks


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return (low + (high - low) * torch.rand(count, generator=generator)).reshape(-1, 1, 1, 1)


def _placed(
    images: Tensor, marks: Tensor | None, crop: int, plan: AugmentationSection, generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """Turned, mirrored, scaled and cut around the middle."""
    if plan.rotation == "any" or plan.scale > 1:
        return _resampled(images, marks, crop, plan, generator)
    if plan.rotation == "quarter turns":
        turns = int(torch.randint(4, (1,), generator=generator))
        images = torch.rot90(images, turns, dims=(2, 3))
        marks = None if marks is None else torch.rot90(marks, turns, dims=(2, 3))
    if plan.flip and bool(torch.rand(1, generator=generator) < 0.5):
        images = torch.flip(images, dims=(3,))
        marks = None if marks is None else torch.flip(marks, dims=(3,))
    return images, marks


def _resampled(
    images: Tensor, marks: Tensor | None, crop: int, plan: AugmentationSection, generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """The same by interpolation: image bilinear, classes by the nearest pixel."""
    count, edge = len(images), images.shape[-1]
    draws = torch.rand(count, 3, generator=generator)
    if plan.rotation == "any":
        angle = draws[:, 0] * 2 * math.pi
    else:
        angle = torch.floor(draws[:, 0] * (4 if plan.rotation == "quarter turns" else 1)) * (math.pi / 2)
    scale = torch.exp((draws[:, 1] * 2 - 1) * math.log(plan.scale))
    mirror = torch.where(draws[:, 2] < 0.5, -1.0, 1.0) if plan.flip else torch.ones(count)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = (torch.stack([cosine * mirror, -sine], 1), torch.stack([sine * mirror, cosine], 1))
    matrix = torch.cat([torch.stack(rows, 1) * (crop / edge), torch.zeros(count, 2, 1)], 2)
    grid = affine_grid(matrix, [count, 1, crop, crop], align_corners=False)
    images = grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if marks is None:
        return images, None
    # Shifted by one, so that the zero outside the window is no class.
    turned = grid_sample(marks.float() + 1, grid, mode="nearest", padding_mode="zeros", align_corners=False) - 1
    return images, torch.where(turned < 0, float(IGNORED), turned).to(torch.uint8)


def _lit(images: Tensor, plan: AugmentationSection, generator: Generator) -> Tensor:
    """Contrast about the mean, brightness, and light that falls towards an edge."""
    count, edge = len(images), images.shape[-1]
    if plan.contrast or plan.brightness:
        mean = images.mean(dim=(2, 3), keepdim=True)
        contrast = torch.exp(_uniform(count, -plan.contrast, plan.contrast, generator))
        brightness = torch.exp(_uniform(count, -plan.brightness, plan.brightness, generator))
        images = (images - mean) * contrast + mean * brightness
    if plan.illumination:
        line = torch.linspace(-1, 1, edge)
        across = _uniform(count, -plan.illumination, plan.illumination, generator) * line.reshape(1, 1, 1, -1)
        down = _uniform(count, -plan.illumination, plan.illumination, generator) * line.reshape(1, 1, -1, 1)
        images = images * (1 + across + down)
    return images


def _blurred(images: Tensor, blur: Sometimes, generator: Generator) -> Tensor:
    """A Gaussian blur of one sigma for a share of the batch."""
    sigma = float(_uniform(1, blur.low, blur.high, generator))
    chosen = _uniform(len(images), 0.0, 1.0, generator) < blur.share
    line = torch.exp(-0.5 * (torch.arange(-_REACH, _REACH + 1, dtype=torch.float32) / sigma) ** 2)
    line = line / line.sum()
    wide = pad(images, (_REACH, _REACH, _REACH, _REACH), mode="reflect")
    blurred = conv2d(conv2d(wide, line.reshape(1, 1, 1, -1)), line.reshape(1, 1, -1, 1))
    return torch.where(chosen, blurred, images)


def _compressed(images: Tensor, compression: Sometimes, generator: Generator) -> Tensor:
    """JPEG at 8 bits for a share of the batch."""
    draws = torch.rand(len(images), 2, generator=generator).tolist()
    changed = []
    for image, (chance, strength) in zip(images, draws, strict=True):
        quality = compression.low + (compression.high - compression.low) * strength
        changed.append(_jpeg(image, round(quality)) if chance < compression.share else image)
    return torch.stack(changed)


def _jpeg(image: Tensor, quality: int) -> Tensor:
    samples: NDArray[np.uint8] = torch.round(image[0] / 257).to(torch.uint8).numpy()
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "JPEG", quality=quality)
    with Image.open(io.BytesIO(stream.getvalue())) as saved:
        return torch.from_numpy(np.asarray(saved, dtype=np.float32) * np.float32(257))[None]
