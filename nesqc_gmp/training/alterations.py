"""Images altered in known ways, told from images as they come by one linear discriminant a way.

A distance from the training images says that an image is unlike them, not how; an inverted image of round cells on an
even ground is hardly further from them than a real one of another family. So the check is shown what it has to refuse:
copies of training images that were inverted, magnified or blurred (outlier exposure, Hendrycks et al. 2019). The
network stays as it is; Fisher's linear discriminant (1936) is fitted to its whitened features. What it says is the log
of the likelihood ratio of two normal distributions with one covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.training.corruptions import CORRUPTIONS
from nesqc_gmp.training.fit import evaluate
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.measure import Floats, Gaussian, fit_gaussian
from nesqc_gmp.training.network import Network
from nesqc_gmp.training.plan import AlterationSection, Plan


@dataclass(frozen=True, slots=True)
class Discriminants:
    """One linear function of ``f`` whitened features for each of ``k`` kinds of alteration.

    Attributes:
        weights: ``(f, k)``.
        offsets: ``(k,)``.
    """

    weights: Floats
    offsets: Floats

    def ratio(self, whitened: Floats) -> Floats:
        """Largest log-likelihood ratio of *altered* against *as it came* over the kinds, ``(n,)``.

        Args:
            whitened: ``(n, f)``; see ``Gaussian.whitened``.
        """
        return np.asarray((whitened @ self.weights + self.offsets).max(axis=1))


def fit_discriminants(
    network: Network, images: Sequence[LabelledImage], plan: Plan, features: Gaussian
) -> Discriminants | None:
    """Discriminants of the kinds of the plan; ``None`` where it names none.

    Args:
        network: The trained net.
        images: Its training images; some are taken, evenly.
        plan: The plan.
        features: Distribution of the features over the training images.
    """
    section = plan.alterations
    if section is None:
        return None
    chosen = images[:: max(1, -(-len(images) // section.images))]
    plain = features.whitened(evaluate(network, chosen, plan).features)
    changed = [
        features.whitened(evaluate(network, [altered(image, kind) for image in chosen], plan).features)
        for kind in section.kinds
    ]
    return discriminants(plain, changed, section)


def discriminants(plain: Floats, changed: Sequence[Floats], section: AlterationSection) -> Discriminants:
    """Fisher's discriminant of each kind against the same images as they came.

    Args:
        plain: ``(n, f)`` whitened features.
        changed: The same of each kind.
        section: The plan's section, for the shrinkage.
    """
    centre, columns, offsets = plain.mean(axis=0), [], []
    for found in changed:
        mean = found.mean(axis=0)
        within = fit_gaussian(np.concatenate([plain - centre, found - mean]), section.shrinkage)
        weight = within.precision @ (mean - centre)
        columns.append(weight)
        offsets.append(-float(weight @ (mean + centre)) / 2)
    return Discriminants(np.stack(columns, axis=1), np.array(offsets))


def altered(image: LabelledImage, kind: str) -> LabelledImage:
    """The image altered in a way of ``corruptions.CORRUPTIONS``; without its boxes, which need not fit any more."""
    eight = np.asarray(image.samples // np.uint16(257), dtype=np.uint8)
    return replace(image, samples=gray_samples(CORRUPTIONS[kind](eight)), boxes=None)
