"""What computes figures is an extra that not every machine has: asked for before anything is recorded or read."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from nesqc_gmp.errors import NotFoundError

_NEEDED = {"scipy": "scipy", "sklearn": "scikit-learn"}
_VERSIONS = ("numpy", *_NEEDED.values())


def require_evaluation() -> None:
    """The packages that compute figures are installed.

    Raises:
        NotFoundError: One is missing.
    """
    missing = [name for module, name in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise NotFoundError(
            f"{' and '.join(missing)} not installed: testing a model needs the extra [evaluate]",
            remedy="In the folder of this software: pip install --constraint requirements.lock '.[evaluate]'. Then "
            "repeat the command; nothing was begun.",
        )


def evaluation_versions() -> tuple[str, ...]:
    """Versions of the packages that compute, as ``name==version``."""
    return tuple(f"{name}=={importlib.metadata.version(name)}" for name in _VERSIONS)
