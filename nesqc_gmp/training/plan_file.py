"""The file of a plan: read, every wrong field named, and the places that it speaks of."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.training.plan import Plan


@dataclass(frozen=True, slots=True)
class Places:
    """A plan and where it and its images lie on this machine.

    Attributes:
        plan: The plan.
        file: Its file.
        images: The folder of the images.
        manifest: The manifest CSV.
        outside: Folders of images that the model is not for.
    """

    plan: Plan
    file: Path
    images: Path
    manifest: Path
    outside: tuple[Path, ...]


def read_plan(file: Path, *, images: Path | None = None, manifest: Path | None = None) -> Places:
    """Read a plan.

    Args:
        file: The TOML file.
        images: Where the images lie on this machine, where the plan says otherwise.
        manifest: The same for the manifest.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It is not TOML, or a field is wrong, missing or unknown.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError("there is no such plan", where=str(file), remedy="Name the TOML file.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"not a TOML file: {error}", where=str(file), remedy="Correct the file.") from error
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        raise _wrong(file, error) from error
    base = file.resolve().parent
    return Places(
        plan=plan,
        file=file,
        images=images or base / plan.data.images,
        manifest=manifest or base / plan.data.manifest,
        outside=tuple(base / folder for folder in plan.input.outside),
    )


_WORDS = {
    "missing": ("the field is missing", "Add the field."),
    "extra_forbidden": ("there is no such field", "Remove the field, or correct its name."),
    "tuple_type": ("a list is wanted", "Write it in brackets."),
    "too_short": ("the list is too short", "Name at least one."),
}
"""What is wrong and the remedy, by pydantic's name of the error; the others have pydantic's own words."""


def _wrong(file: Path, error: ValidationError) -> InvalidInputError:
    """Every wrong field, with the remedy of the first."""
    found = [
        (".".join(map(str, each["loc"])) or "the plan", each["type"], each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False, include_input=False)
    ]
    _, kind, message = found[0]
    said = [(name, _WORDS.get(type_, (text, ""))[0]) for name, type_, text in found]
    what = said[0][1] if len(said) == 1 else "; ".join(f"{name}: {text}" for name, text in said)
    remedy = _WORDS.get(kind, (message, "Correct the field."))[1]
    return InvalidInputError(what, where=f"{file}, {', '.join(name for name, _ in said)}", remedy=remedy)
