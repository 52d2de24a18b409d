"""How far labels can be trusted: what copies of one picture under different labels tell of all labels."""

from __future__ import annotations

from nesqc_gmp.training.data import Loaded


def label_noise(conflicting: int, pairs: int, conforming: float) -> tuple[float, float] | None:
    """Share of wrong labels that copies with different labels tell of, and the AUROC a faultless model would reach.

    If each label is wrong with chance e, apart from the others, two copies differ with chance ``2 e (1 - e)``. Against
    such labels a faultless model has AUROC ``1/2 + (a - b) / 2``, where a and b are the shares of truly conforming
    images among those labelled conforming and among the others.

    Args:
        conflicting: Pairs of copies with different labels.
        pairs: All pairs of copies.
        conforming: Share of images labelled conforming.

    Returns:
        ``None`` where there are no copies, or too many conflicts to solve for e.
    """
    if pairs == 0 or 2 * conflicting >= pairs:
        return None
    wrong = (1 - (1 - 2 * conflicting / pairs) ** 0.5) / 2
    true = (conforming - wrong) / (1 - 2 * wrong)
    if not 0 < true < 1:
        return None
    among, beside = true * (1 - wrong) / conforming, true * wrong / (1 - conforming)
    return wrong, 0.5 + (among - beside) / 2


def noise_sentence(loaded: Loaded) -> str:
    """The computation in words; empty where no copies carry different labels."""
    labels = [image.conforming for part in loaded.division.splits.values() for image in part]
    noise = label_noise(loaded.conflicting, len(loaded.copies), sum(labels) / len(labels))
    if noise is None or not loaded.conflicting:
        return ""
    return (
        f"{loaded.conflicting} of {len(loaded.copies)} pairs of copies carry different labels. If labels are wrong "
        f"independently of each other, about {noise[0]:.1%} of all labels are wrong, and against such labels a "
        f"faultless model would reach an AUROC of about {noise[1]:.3f}."
    )
