"""The network: a plain residual net whose map of the image is exact.

The head is a 1 x 1 convolution on the last feature map. With pooling ``mean`` the logit is the mean of its output, so
each place of the map is that place's share of the logit (Zhou et al. 2016, with the mean and the linear layer
exchanged). With pooling ``worst`` the head scores *not conforming* at each place and the worst place decides: one dead
cell makes an image not conforming, however many living ones it shows. A plan can leave the places along the border out
of that, where cells are cut off.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nesqc_gmp.training.plan import NetworkSection

VARIANCE_FLOOR = 4096.0
"""Added to the variance of the samples (16-bit counts squared), a quarter of an 8-bit grey level: a blank image becomes
zeros and not noise."""

MEAN_FLOOR = 1.0
"""Added to the mean of the samples (16-bit counts): a black image becomes zeros, not an error."""

MEAN_GAIN = 4.0
"""Brings samples over their mean to a spread of about 1."""

SPREADS_OF = (0, 1, 2)
"""Levels (0 the stem, then the blocks) whose channel standard deviations are features: they see noise and blur, which
the embedding does not."""

SPREAD_FLOOR = 1e-6
"""Added to the variance of a channel before its square root."""


def means_of(levels: int) -> tuple[int, ...]:
    """Levels whose channel means are features: the first three, and the last, which gives the embedding."""
    return tuple(sorted({*SPREADS_OF, levels - 1}))


class Evaluation(NamedTuple):
    """What the network gives for ``n`` images.

    Attributes:
        logit: ``(n,)`` log-odds of conforming, not yet calibrated.
        map: ``(n, 1, rows, columns)``, positive for conforming.
        living: ``(n, 1, rows, columns)`` log-odds of a living cell, or ``None``.
        embedding: ``(n, channels)`` mean of the last feature map.
        features: ``(n, ...)`` what the distance is measured on: means of the channels of the levels ``means_of``, then
            standard deviations of those of ``SPREADS_OF``.
    """

    logit: Tensor
    map: Tensor
    living: Tensor | None
    embedding: Tensor
    features: Tensor


def normalised(samples: Tensor, normalisation: str) -> Tensor:
    """Samples on one scale, image by image; the mean is taken twice, which removes its rounding error.

    Args:
        samples: ``(n, 1, height, width)`` pooled 16-bit counts as 32-bit floats.
        normalisation: ``mean and deviation``: mean 0 and variance 1. ``mean``: share above the mean, times 4, which
            keeps the contrast. ``both``: the two as two channels, in the order mean, mean and deviation.
    """
    mean = samples.mean(dim=(1, 2, 3), keepdim=True)
    nearly = samples - mean
    centred = nearly - nearly.mean(dim=(1, 2, 3), keepdim=True)
    parts = []
    if normalisation in ("mean", "both"):
        parts.append(centred * MEAN_GAIN / (mean + MEAN_FLOOR))
    if normalisation in ("mean and deviation", "both"):
        variance = (centred * centred).mean(dim=(1, 2, 3), keepdim=True)
        parts.append(centred / torch.sqrt(variance + VARIANCE_FLOOR))
    return torch.cat(parts, dim=1)


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch normalisation and a shortcut (He et al. 2016)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        same = stride == 1 and channels_in == channels
        self.first = _convolution(channels_in, channels, 3, stride)
        self.second = _convolution(channels, channels, 3, 1)
        self.shortcut = None if same else _convolution(channels_in, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output; half the resolution where the stride is 2."""
        kept = x if self.shortcut is None else self.shortcut(x)
        out: Tensor = self.second(torch.relu(self.first(x)))
        return torch.relu(out + kept)


def _convolution(channels_in: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(channels)
    )


class View(NamedTuple):
    """One way to lay an image before the network: transposed or not, then mirrored along axes.

    Attributes:
        transposed: Rows and columns exchanged.
        mirrored: Axes that are reversed, 2 (top and bottom) and 3 (left and right).
    """

    transposed: bool
    mirrored: tuple[int, ...]

    def of(self, image: Tensor) -> Tensor:
        """The image ``(n, channels, height, width)`` in this view."""
        return torch.flip(image.transpose(2, 3) if self.transposed else image, self.mirrored)

    def back(self, levels: Tensor) -> Tensor:
        """What the network gave for this view, laid over the image again."""
        levels = torch.flip(levels, self.mirrored)
        return levels.transpose(2, 3) if self.transposed else levels


MIRRORS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))
VIEWS = {
    "one": (View(False, ()),),
    "eight": tuple(View(transposed, mirrored) for transposed in (False, True) for mirrored in MIRRORS),
}
"""The image as it is, or its eight turns by 90 degrees and mirrors: their mean is the same however the image lies."""


class Network(nn.Module):
    """Counts to logits, maps, embeddings and features.

    Args:
        settings: The network of the plan.
        head_bias: Where the output of the head starts.
    """

    def __init__(self, settings: NetworkSection, head_bias: float = 0.0) -> None:
        super().__init__()
        self.settings = settings
        widths, strides = settings.widths, settings.strides
        channels = 2 if settings.normalisation == "both" else 1
        self.stem = _convolution(channels, widths[0], settings.stem_kernel, strides[0])
        pairs = zip(widths, widths[1:], strides[1:], strict=False)
        self.stages = nn.ModuleList(Block(before, after, stride) for before, after, stride in pairs)
        self.head = nn.Conv2d(widths[-1], 2 if settings.living_map else 1, 1)
        if head_bias and self.head.bias is not None:
            nn.init.constant_(self.head.bias, head_bias)

    def forward(self, counts: Tensor) -> Evaluation:
        """Evaluate ``(n, 1, height, width)`` 16-bit counts, as 32-bit floats, that were pooled by ``input_pool``."""
        levels = self._levels(counts)
        return self._judged(levels[-1], _features(levels))

    def viewed(self, counts: Tensor) -> Evaluation:
        """The same, the last feature map and the features averaged over the views of the plan."""
        views = VIEWS[self.settings.views]
        found = [self._levels(view.of(counts)) for view in views]
        last = torch.stack([view.back(levels[-1]) for view, levels in zip(views, found, strict=True)]).mean(dim=0)
        return self._judged(last, torch.stack([_features(levels) for levels in found]).mean(dim=0))

    def _levels(self, counts: Tensor) -> list[Tensor]:
        levels = [torch.relu(self.stem(normalised(counts, self.settings.normalisation)))]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        return levels

    def _judged(self, last: Tensor, features: Tensor) -> Evaluation:
        heads: Tensor = self.head(last)
        scored, living = heads[:, :1], heads[:, 1:] if self.settings.living_map else None
        if self.settings.pooling == "worst":
            # max() and not amax(): the gradient of a tie goes to one place.
            activation, logit = -scored, -inner(scored, self.settings.border_cells).flatten(1).max(dim=1).values
        else:
            activation, logit = scored, scored.mean(dim=(1, 2, 3))
        return Evaluation(logit, activation, living, last.mean(dim=(2, 3)), features)


def inner(places: Tensor, border: int) -> Tensor:
    """A map ``(n, 1, rows, columns)`` without ``border`` cells along each border."""
    rows, columns = places.shape[2:]
    return places[:, :, border : rows - border, border : columns - border]


def _features(levels: list[Tensor]) -> Tensor:
    """Means and standard deviations of channels; see ``Evaluation``."""
    means = {index: levels[index].mean(dim=(2, 3), keepdim=True) for index in means_of(len(levels))}
    centred = [levels[index] - means[index] for index in SPREADS_OF]
    spreads = [torch.sqrt((part * part).mean(dim=(2, 3)) + SPREAD_FLOOR) for part in centred]
    return torch.cat([*(mean.flatten(1) for mean in means.values()), *spreads], dim=1)
