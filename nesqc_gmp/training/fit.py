"""The training loop: seeded, deterministic at a fixed number of threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nesqc_gmp.training.augment import augmented
from nesqc_gmp.training.cultures import Pictures
from nesqc_gmp.training.network import POOL, Network, normalised


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides about the trained weights, besides the pictures.

    Attributes:
        seed: Of the weights, the order and the augmentation.
        epochs: Passes over the training pictures.
        batch: Pictures a step.
        learning_rate: Highest learning rate of the one-cycle schedule.
        weight_decay: Of AdamW.
        threads: Threads of torch; another number gives other last bits.
    """

    seed: int = 20260101
    epochs: int = 12
    batch: int = 20
    learning_rate: float = 4e-3
    weight_decay: float = 2e-2
    threads: int = 2


def counts(samples: NDArray[np.uint8]) -> Tensor:
    """8-bit samples ``(n, H, W)`` as 16-bit counts ``(n, 1, H, W)`` in 32-bit floats, exactly 257 times the value."""
    return torch.from_numpy(samples.astype(np.float32) * np.float32(257))[:, None]


def fit(pictures: Pictures, recipe: Recipe, say: Callable[[str], None]) -> Network:
    """Train a network on the pictures.

    Args:
        pictures: The training split.
        recipe: The settings.
        say: Takes one line an epoch.
    """
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    network = Network()
    images = torch.cat([nn.functional.avg_pool2d(counts(chunk), POOL) for chunk in _chunks(pictures.samples, 64)])
    target = torch.from_numpy(pictures.conforming.astype(np.float32))
    steps = recipe.epochs * (len(images) // recipe.batch)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps)
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(images), generator=generator)[: len(images) // recipe.batch * recipe.batch]
        losses = []
        for chosen in torch.split(order, recipe.batch):
            loss = _step(network, augmented(images[chosen], generator), target[chosen])
            optimiser.step()
            schedule.step()
            losses.append(loss)
        say(f"epoch {epoch + 1} of {recipe.epochs}: loss {sum(losses) / len(losses):.4f}")
    return network.eval()


def _step(network: Network, images: Tensor, target: Tensor) -> float:
    """One gradient; images are pooled already, so normalisation must not pool them again."""
    network.zero_grad()
    smooth = target * 0.96 + 0.02
    loss = nn.functional.binary_cross_entropy_with_logits(network(normalised(images, pool=1)).logit, smooth)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


def _chunks(samples: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    return [samples[start : start + size] for start in range(0, len(samples), size)]


@dataclass(frozen=True, slots=True)
class Measured:
    """The network's view of a set of pictures: logits ``(n,)`` and features ``(n, 256)``, 64-bit floats."""

    logit: NDArray[np.float64]
    features: NDArray[np.float64]


def evaluate(network: Network, samples: NDArray[np.uint8]) -> Measured:
    """Logits and features of pictures ``(n, H, W)``."""
    with torch.no_grad():
        results = [network(normalised(counts(chunk))) for chunk in _chunks(samples, 16)]
    return Measured(
        logit=torch.cat([result.logit for result in results]).double().numpy(),
        features=torch.cat([result.features for result in results]).double().numpy(),
    )
