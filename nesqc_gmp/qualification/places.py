"""Where the validation folder lies: data of the release, beside the package in a clone and not inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nesqc_gmp.errors import NotFoundError

NAME: Final = "validation"
_KNOWN_BY: Final = "clauses.toml"


def find_validation(named: Path | None = None) -> Path:
    """The folder of requirements, protocols and the map of clauses.

    Args:
        named: The folder as the person named it; else it is beside the package, or in the working folder.

    Raises:
        NotFoundError: It is not there.
    """
    places = [named] if named else [base / NAME for base in (Path(__file__).resolve().parents[2], Path.cwd())]
    for place in places:
        if (place / _KNOWN_BY).is_file():
            return place
    raise NotFoundError(
        f"there is no validation folder: no file {_KNOWN_BY}",
        where=str(places[0]),
        remedy="Work in the folder of the release, or name its folder validation with --validation.",
    )
