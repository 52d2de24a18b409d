"""Boxes around cells to classes of places: what the map is trained on where a manifest has boxes.

Only the core of a box is surely the cell; its rim is neither cell nor background and is not trained on.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool2d

from nesqc_gmp.training.augment import IGNORED
from nesqc_gmp.training.images import Box
from nesqc_gmp.training.network import inner

BACKGROUND, LIVING, DEAD = 0, 1, 2
RIM = 0.25
"""Share of a box, on each side, that is its rim."""

_DEAD_WEIGHT, _LIVING_WEIGHT = 4.0, 2.0


def marks(shape: tuple[int, int], boxes: tuple[Box, ...]) -> NDArray[np.uint8]:
    """Class of every pixel of an image ``(height, width)``."""
    found = np.zeros(shape, dtype=np.uint8)
    for box in boxes:
        region = found[max(box.top, 0) : box.bottom, max(box.left, 0) : box.right]
        region[region == BACKGROUND] = IGNORED
        down, across = (box.bottom - box.top) * RIM, (box.right - box.left) * RIM
        rows = slice(max(int(box.top + down), 0), math.ceil(box.bottom - down))
        columns = slice(max(int(box.left + across), 0), math.ceil(box.right - across))
        found[rows, columns] = LIVING if box.conforming else DEAD
    return found


def dense_losses(dead: Tensor, living: Tensor | None, marked: Tensor, border: int) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of the maps against the boxes, and whether a dead cell is there.

    Places that are already right count less: the weight is the error of the probability (Lin et al. 2017, gamma 1).

    Args:
        dead: ``(n, 1, rows, columns)`` log-odds of a dead cell.
        living: The same of a living cell, or ``None``.
        marked: ``(n, 1, height, width)`` classes of the pixels.
        border: Cells along each border in which nothing is judged.

    Returns:
        Loss of the map of dead cells, loss of that of living cells (0 without it), and ``(n,)`` 1.0 where a core of a
        dead cell lies inside the border.
    """
    cell = marked.shape[-1] // dead.shape[-1]
    dead_core, living_core, touched = (
        max_pool2d(chosen.float(), cell) for chosen in (marked == DEAD, marked == LIVING, marked > BACKGROUND)
    )
    other = torch.where(touched > 0, 0.0, 1.0)
    dead_weight = torch.where(dead_core > 0, _DEAD_WEIGHT, torch.where(living_core > 0, _LIVING_WEIGHT, other))
    loss = _focal(dead, dead_core, dead_weight)
    beside = dead.new_zeros(())
    if living is not None:
        living_weight = torch.where((dead_core > 0) | (living_core > 0), _LIVING_WEIGHT, other)
        beside = _focal(living, living_core, living_weight)
    return loss, beside, inner(dead_core, border).flatten(1).max(dim=1).values


def _focal(logit: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Sum over an image, mean over the batch."""
    losses = binary_cross_entropy_with_logits(logit, target, reduction="none")
    return (losses * weight * torch.abs(torch.sigmoid(logit) - target)).sum() / len(logit)
