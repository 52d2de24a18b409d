"""The network: a plain residual net, ten layers, width 16, whose class-activation map is exact.

The head is a 1 x 1 convolution on the last feature map and the logit is the mean of its output, so each place of the
map is that place's share of the logit (Zhou et al. 2016, with the mean and the linear layer exchanged).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 128)
"""Channels of the four stages; every stage but the first halves the resolution."""

POOL = 2
"""Factor of the average pool before the network."""

VARIANCE_FLOOR = 1.0
"""Added to the variance of the pooled samples (16-bit counts squared): a blank image becomes zeros, not an error."""

MEANS_OF = (0, 1, 2, 4)
"""Levels (0 the stem, then the stages) whose channel means are features; the last gives the embedding."""

SPREADS_OF = (0, 1, 2)
"""Levels whose channel standard deviations are features: they see noise and blur, which the embedding does not."""

SPREAD_FLOOR = 1e-6
"""Added to the variance of a channel before its square root."""


class Evaluation(NamedTuple):
    """What the network gives for ``n`` images.

    Attributes:
        logit: ``(n,)`` log-odds of conforming, not yet calibrated.
        map: ``(n, 1, rows, columns)`` class-activation map.
        embedding: ``(n, 128)`` mean of the last feature map.
        features: ``(n, 256)`` what the distance is measured on: means of the channels of the stem and of stages 1, 2
            and 4, then standard deviations of those of the stem and of stages 1 and 2.
    """

    logit: Tensor
    map: Tensor
    embedding: Tensor
    features: Tensor


def normalised(samples: Tensor, *, pool: int = POOL) -> Tensor:
    """Average pool and per-image mean 0, variance 1; the mean is taken twice, which removes its rounding error.

    Args:
        samples: ``(n, 1, height, width)`` 16-bit counts as 32-bit floats.
        pool: Factor of the average pool; 1 for images that are pooled already.
    """
    pooled = nn.functional.avg_pool2d(samples, pool)
    nearly = pooled - pooled.mean(dim=(1, 2, 3), keepdim=True)
    centred = nearly - nearly.mean(dim=(1, 2, 3), keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(dim=(1, 2, 3), keepdim=True) + VARIANCE_FLOOR)


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch normalisation and a shortcut (He et al. 2016)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(channels_in, channels, 3, stride)
        self.second = _convolution(channels, channels, 3, 1)
        self.shortcut = _convolution(channels_in, channels, 1, stride) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """The block's output; half the resolution where the stride is 2."""
        kept = x if self.shortcut is None else self.shortcut(x)
        out: Tensor = self.second(torch.relu(self.first(x)))
        return torch.relu(out + kept)


def _convolution(channels_in: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(channels)
    )


class Network(nn.Module):
    """Normalised images to logits, maps, embeddings and features."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(1, WIDTHS[0], 3, 2)
        pairs = zip((WIDTHS[0], *WIDTHS[:-1]), WIDTHS, strict=True)
        self.stages = nn.ModuleList(Block(before, after, 1 if before == after else 2) for before, after in pairs)
        self.head = nn.Conv2d(WIDTHS[-1], 1, 1)

    def forward(self, images: Tensor) -> Evaluation:
        """Evaluate ``(n, 1, height, width)`` images that went through ``normalised``."""
        levels = [torch.relu(self.stem(images))]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        activation: Tensor = self.head(levels[-1])
        means = [levels[index].mean(dim=(2, 3), keepdim=True) for index in MEANS_OF]
        centred = [levels[index] - mean for index, mean in zip(SPREADS_OF, means, strict=False)]
        spreads = [torch.sqrt((part * part).mean(dim=(2, 3)) + SPREAD_FLOOR) for part in centred]
        features = torch.cat([*(mean.flatten(1) for mean in means), *spreads], dim=1)
        return Evaluation(activation.mean(dim=(1, 2, 3)), activation, means[-1].flatten(1), features)
