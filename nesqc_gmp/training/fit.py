"""The training loop: seeded, deterministic at a fixed number of threads, resumable after every epoch.

The same plan and images give the same weights on the same machine, whether the run was interrupted or not.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError, NesqcError
from nesqc_gmp.training import targets
from nesqc_gmp.training.augment import IGNORED, augmented, orientations, reach
from nesqc_gmp.training.checkpoint import Work
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.network import Network
from nesqc_gmp.training.plan import Plan, TrainingSection

_AVERAGE_FROM = 10
"""The moving average forgets faster in its first steps, or it would keep the random start."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave.

    Attributes:
        fit: Name of the fit: ``final``, or a fold.
        number: Counted from 1.
        of: Epochs of the fit.
        loss: Mean loss of its steps.
    """

    fit: str
    number: int
    of: int
    loss: float


def device_of(training: TrainingSection) -> str:
    """``cuda`` or ``cpu``.

    Raises:
        InvalidInputError: The plan asks for a GPU and there is none.
    """
    there = torch.cuda.is_available()
    if training.device == "cuda" and not there:
        raise InvalidInputError("there is no GPU", where="training.device", remedy='Take "auto" or "cpu".')
    return "cuda" if there and training.device != "cpu" else "cpu"


def make_deterministic(training: TrainingSection) -> None:
    """Settle everything in torch that could differ between two runs."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(training.threads)
    torch.manual_seed(training.seed)


def fit(
    images: Sequence[LabelledImage], plan: Plan, name: str, work: Work | None, show: Callable[[Epoch], None]
) -> Network:
    """Train a network, going on from the last checkpoint where there is one.

    Args:
        images: The training images.
        plan: The plan.
        name: Name of the fit in the work folder.
        work: Where checkpoints are kept, or ``None``.
        show: Takes each epoch, those of the checkpoint included.

    Raises:
        InvalidInputError: There are too few images for the plan, or one class only.
        NesqcError: The loss is no longer a number, or the disk is full.
    """
    require_enough(images, plan)
    make_deterministic(plan.training)
    run = _Run(images, plan, name)
    saved = None if work is None else work.load(name)
    if saved is not None:
        run.restore(saved)
    for number, loss in enumerate(run.losses, start=1):
        show(Epoch(name, number, plan.training.epochs, loss))
    while len(run.losses) < plan.training.epochs:
        loss = run.epoch()
        if work is not None:
            work.save(name, run.state())
        show(Epoch(name, len(run.losses), plan.training.epochs, loss))
    return run.result()


def require_enough(images: Sequence[LabelledImage], plan: Plan) -> None:
    """Both classes, and steps enough for the learning rate to rise and fall.

    Raises:
        InvalidInputError: There is one class only, or too few steps.
    """
    training = plan.training
    if len({image.conforming for image in images}) < 2:
        raise InvalidInputError(
            "the training images are of one class only", where="manifest", remedy="Give images of both classes."
        )
    steps = training.epochs * (len(images) // training.batch)
    if steps * training.warm_up <= 1 or steps * (1 - training.warm_up) <= 1:
        raise InvalidInputError(
            f"{len(images)} images in batches of {training.batch} over {training.epochs} epochs are {steps} steps, too "
            "few to learn anything",
            where="training.batch",
            remedy="Give more images or epochs, or a smaller batch.",
        )


class _Run:
    """A fit under way: everything that a checkpoint must hold, and nothing else that changes."""

    def __init__(self, images: Sequence[LabelledImage], plan: Plan, name: str) -> None:
        training = plan.training
        self._images, self._plan, self._name = images, plan, name
        self._device = device_of(training)
        self._generator = Generator().manual_seed(training.seed)
        self._network = _placed(Network(plan.network, training.head_bias), self._device)
        self._average = _placed(Network(plan.network), self._device)
        self._average.load_state_dict(self._network.state_dict())
        self._average.requires_grad_(False)
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(), training.learning_rate, weight_decay=training.weight_decay
        )
        self._steps = len(images) // training.batch
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser,
            training.learning_rate,
            total_steps=training.epochs * self._steps,
            pct_start=training.warm_up,
        )
        self._marks = [_marks_of(image) for image in images] if training.dense_weight else None
        self.losses: list[float] = []

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on."""
        return {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "generator": self._generator.get_state(),
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a checkpoint."""
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self._generator.set_state(state["generator"])
        self.losses = list(state["losses"])

    def result(self) -> Network:
        """The network to export, on the CPU."""
        chosen = self._average if self._plan.training.average else self._network
        return chosen.to("cpu").to(memory_format=torch.contiguous_format).eval()  # type: ignore[no-any-return, call-overload]

    def epoch(self) -> float:
        """One pass over the images; gives the mean loss."""
        self._network.train()
        batch = self._plan.training.batch
        order = torch.randperm(len(self._images), generator=self._generator)[: self._steps * batch]
        total = 0.0
        for chosen in torch.split(order, batch):
            loss = self._step(chosen.tolist())
            if not math.isfinite(loss):
                raise NesqcError(
                    f"the loss is {loss} in epoch {len(self.losses) + 1}: nothing can be learned from here",
                    where=f"fit {self._name}",
                    remedy="Lower training.learning_rate or the augmentation, in a new --work folder.",
                )
            total += loss
        self.losses.append(total / self._steps)
        return self.losses[-1]

    def _step(self, chosen: list[int]) -> float:
        windows, marked = self._windows(chosen)
        plan = self._plan
        edge = plan.training.crop // plan.network.input_pool
        with torch.no_grad():
            windows, marked = augmented(windows, marked, edge, plan.augmentation, self._generator)
        target = torch.tensor([float(self._images[index].conforming) for index in chosen])
        counts = windows.to(self._device).contiguous(memory_format=torch.channels_last)
        found = self._network(counts)
        loss = _loss(found, target.to(self._device), None if marked is None else marked.to(self._device), plan)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        if math.isfinite(value):
            nn.utils.clip_grad_norm_(self._network.parameters(), plan.training.gradient_limit)
            self._optimiser.step()
            self._schedule.step()
            self._move_average()
        return value

    def _move_average(self) -> None:
        training = self._plan.training
        if not training.average:
            return
        step = self._schedule.last_epoch - 1
        keep = min(training.average, (1 + step) / (_AVERAGE_FROM + step))
        with torch.no_grad():
            pairs = zip(self._average.state_dict().values(), self._network.state_dict().values(), strict=True)
            for average, now in pairs:
                if average.dtype.is_floating_point:
                    average.mul_(keep).add_(now, alpha=1 - keep)
                else:
                    average.copy_(now)

    def _windows(self, chosen: list[int]) -> tuple[Tensor, Tensor | None]:
        """A square around a random place of each image, pooled, large enough to be turned."""
        plan = self._plan
        pool, crop = plan.network.input_pool, plan.training.crop
        edge = reach(crop // pool, plan.augmentation) * pool
        draws = torch.rand(len(chosen), 2, generator=self._generator).tolist()
        samples, marked = [], []
        for index, draw in zip(chosen, draws, strict=True):
            image = self._images[index].samples
            rows, columns = (_places(size, crop, edge, part) for size, part in zip(image.shape, draw, strict=True))
            samples.append(image[np.ix_(rows[0], columns[0])])
            if self._marks is not None:
                mark = self._marks[index][np.ix_(rows[0], columns[0])]
                mark[~rows[1]] = IGNORED
                mark[:, ~columns[1]] = IGNORED
                marked.append(mark)
        windows = torch.from_numpy(np.stack(samples).astype(np.float32))[:, None]
        classes = torch.from_numpy(np.stack(marked))[:, None] if marked else None
        return _pooled(windows, classes, pool)


def _placed(network: Network, device: str) -> Network:
    """On its device, channels last in memory: a third faster on a CPU."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def _marks_of(image: LabelledImage) -> NDArray[np.uint8]:
    """Classes of the pixels; nothing is known of those of a not conforming image without boxes."""
    shape = (image.samples.shape[0], image.samples.shape[1])
    if image.boxes is None:
        return np.full(shape, targets.BACKGROUND if image.conforming else IGNORED, dtype=np.uint8)
    return targets.marks(shape, image.boxes)


def _places(size: int, crop: int, edge: int, part: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions of a window of ``edge`` along an axis, mirrored at the borders, and which of them lie inside."""
    middle = size / 2 if size <= crop else crop / 2 + (size - crop) * part
    places = np.arange(edge) + round(middle - edge / 2)
    around = np.mod(places, 2 * size)
    return np.where(around < size, around, 2 * size - 1 - around), (places >= 0) & (places < size)


def _pooled(windows: Tensor, classes: Tensor | None, pool: int) -> tuple[Tensor, Tensor | None]:
    if pool == 1:
        return windows, classes
    return avg_pool2d(windows, pool), None if classes is None else classes[:, :, ::pool, ::pool]


def _loss(found: Any, target: Tensor, marked: Tensor | None, plan: Plan) -> Tensor:
    """Loss of the image, and of the map where there are boxes; then the crop, not the image, has the label."""
    training = plan.training
    if marked is None:
        smooth = target * (1 - 2 * training.label_smoothing) + training.label_smoothing
        return binary_cross_entropy_with_logits(found.logit, smooth)
    dense, beside, dead_inside = targets.dense_losses(-found.map, found.living, marked, plan.network.border_cells)
    image = binary_cross_entropy_with_logits(-found.logit, dead_inside)
    return image + training.dense_weight * dense + training.living_weight * beside


@dataclass(frozen=True, slots=True)
class Measured:
    """The network's view of ``n`` images, 64-bit floats.

    Attributes:
        logit: ``(n,)`` log-odds of conforming.
        features: ``(n, ...)`` what the distance is measured on.
        embedding: ``(n, channels)``.
        boxed: ``(n,)`` log-odds of the least conforming place inside the boxes; that of the image where it has none.
    """

    logit: NDArray[np.float64]
    features: NDArray[np.float64]
    embedding: NDArray[np.float64]
    boxed: NDArray[np.float64]


_BOX_RIM = 0.2
"""Share of a box, on each side, that is left out when a map is read inside it."""


def evaluate(network: Network, images: Sequence[LabelledImage], plan: Plan) -> Measured:
    """What the network gives for images of any size, one after the other on the CPU.

    The features are those of the image laid in one of the ways that the plan holds for the same, chosen by its name:
    their distribution then has no upper side, and an image that comes turned is no stranger.
    """
    ways = orientations(plan.augmentation)
    logits, features, embeddings, boxed = [], [], [], []
    with torch.no_grad():
        for image in images:
            samples = counts(image.samples, network.settings.input_pool)
            found = network.viewed(samples)
            way = ways[int(sha256_hex(image.name.encode())[:8], 16) % len(ways)]
            laid = found if network.settings.views == "eight" else network.viewed(way.of(samples))
            logits.append(float(found.logit[0]))
            features.append(laid.features[0].double().numpy())
            embeddings.append(found.embedding[0].double().numpy())
            boxed.append(_worst_boxed(found.map[0, 0].numpy(), image, network.settings.stride, logits[-1]))
    return Measured(np.array(logits), np.stack(features), np.stack(embeddings), np.array(boxed))


def counts(samples: NDArray[np.uint16], pool: int) -> Tensor:
    """Gray samples ``(height, width)`` as the network takes them, ``(1, 1, height, width)``, pooled."""
    return avg_pool2d(torch.from_numpy(samples.astype(np.float32))[None, None], pool)


def _worst_boxed(activation: NDArray[np.float32], image: LabelledImage, cell: int, otherwise: float) -> float:
    worst = []
    for box in image.boxes or ():
        down, across = (box.bottom - box.top) * _BOX_RIM, (box.right - box.left) * _BOX_RIM
        rows = slice(max(int((box.top + down) // cell), 0), int((box.bottom - down) // cell) + 1)
        columns = slice(max(int((box.left + across) // cell), 0), int((box.right - across) // cell) + 1)
        inside = activation[rows, columns]
        if inside.size:
            worst.append(float(inside.min()))
    return min(worst, default=otherwise)
