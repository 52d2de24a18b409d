"""Which files a package has: nothing less, nothing more.

::

    manifest.json                     canonical JSON; its SHA-256 names the package
    model.onnx                        the graph
    CARD.md                           the model card
    training.json                     how the model was made and what was measured
    golden/<name>.image.npy           a golden image: (H, W) uint8 or uint16
    golden/<name>.<output>.npy        the expected bytes of one output tensor
    golden/<name>.measures.npy        what the input check measures of the image: (19,) float64
"""

from __future__ import annotations

from nesqc_gmp.records.models import ModelDescription

MANIFEST = "manifest.json"
MODEL = "model.onnx"
CARD = "CARD.md"
TRAINING = "training.json"


def golden_image(name: str) -> str:
    """Path of a golden image."""
    return f"golden/{name}.image.npy"


def golden_output(name: str, output: str) -> str:
    """Path of an expected output tensor of a golden image."""
    return f"golden/{name}.{output}.npy"


def golden_measures(name: str) -> str:
    """Path of what the input check measures of a golden image."""
    return f"golden/{name}.measures.npy"


def part_paths(description: ModelDescription) -> tuple[str, ...]:
    """Every path of a package but the manifest's own, in order."""
    golden = [
        path
        for name in description.golden
        for path in (
            golden_image(name),
            golden_measures(name),
            *(golden_output(name, output) for output in description.graph.outputs),
        )
    ]
    return tuple(sorted({MODEL, CARD, TRAINING, *golden}))
