"""What may differ between two pictures of one class: turn, light, contrast, blur, noise."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn.functional import conv2d, pad


def augmented(images: Tensor, generator: Generator) -> Tensor:
    """Randomly changed copies of a batch of pooled images.

    Args:
        images: ``(n, 1, edge, edge)`` 16-bit counts as 32-bit floats.
        generator: The source of chance.
    """
    turned = _turned(images, generator)
    lit = _lit(turned, generator)
    return _noisy(_blurred(lit, generator), generator)


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return (low + (high - low) * torch.rand(count, generator=generator)).reshape(-1, 1, 1, 1)


def _turned(images: Tensor, generator: Generator) -> Tensor:
    turns = int(torch.randint(4, (1,), generator=generator))
    turned = torch.rot90(images, turns, dims=(2, 3))
    return torch.flip(turned, dims=(3,)) if bool(torch.rand(1, generator=generator) < 0.5) else turned


def _lit(images: Tensor, generator: Generator) -> Tensor:
    """A gradient of illumination, and contrast about the mean, which per-image normalisation does not undo alone."""
    count, edge = len(images), images.shape[-1]
    line = torch.linspace(-0.5, 0.5, edge)
    across = _uniform(count, -0.15, 0.15, generator) * line.reshape(1, 1, 1, -1)
    down = _uniform(count, -0.15, 0.15, generator) * line.reshape(1, 1, -1, 1)
    mean = images.mean(dim=(2, 3), keepdim=True)
    return (mean + (images - mean) * _uniform(count, 0.7, 1.3, generator)) * (1 + across + down)


def _blurred(images: Tensor, generator: Generator) -> Tensor:
    """A Gaussian blur of up to half a pooled pixel, the same for the batch."""
    sigma = float(_uniform(1, 0.15, 0.5, generator))
    line = torch.exp(-0.5 * (torch.arange(-2, 3, dtype=torch.float32) / sigma) ** 2)
    kernel = torch.outer(line, line) / line.sum() ** 2
    return conv2d(pad(images, (2, 2, 2, 2), mode="reflect"), kernel.reshape(1, 1, 5, 5))


def _noisy(images: Tensor, generator: Generator) -> Tensor:
    strength = _uniform(len(images), 0.0, 500.0, generator)
    return images + strength * torch.randn(images.shape, generator=generator)
