"""The manifest of a backup: every file with its digest, and the signed head of the log in it.

The ledger lies in a backup under another name than in a site, so that nobody works on a backup by mistake: two logs of
one key would go on from it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator

from nesqc_gmp.config import LEDGER_FILE
from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError, NotFoundError
from nesqc_gmp.notes import Checkpoint
from nesqc_gmp.procedures.backup.writing import blocks_of
from nesqc_gmp.procedures.context import checkpoint_of
from nesqc_gmp.records.base import Frozen, Identifier, Sha256, Text

MANIFEST: Final = "BACKUP.json"
LEDGER_COPY: Final = "ledger.backup"
"""The copy of the ledger, as it is called in a backup."""

_FOLDERS: Final = frozenset({"certificates", "keys", "objects", "reports", "trust"})
_OTHER: Final = "Use another backup, keep this one as it is, and tell QA."


class BackupFile(Frozen):
    """One file of a backup.

    Attributes:
        path: Where it lies in the backup.
        bytes: Its size.
        sha256: Digest of its bytes.
        mode: Who may read it in the site, as octal digits; in the backup only the owner may.
    """

    path: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        """A path that leads into one of the folders of a site, whatever the manifest was made to say."""
        parts = path.split("/")
        plain = all(part not in {"", ".", ".."} and "\0" not in part for part in parts)
        if path != LEDGER_COPY and not (plain and len(parts) > 1 and parts[0] in _FOLDERS):
            raise ValueError("no path of a site")
        return path

    @property
    def site_path(self) -> str:
        """Where it lies in the site."""
        return LEDGER_FILE if self.path == LEDGER_COPY else self.path


class BackupManifest(Frozen):
    """What a backup holds.

    Attributes:
        version: Version of this format.
        backup: Name of the backup, as its folder is called.
        site: Name of the site.
        made_at: When, UTC.
        software: Name and version of the software that made it.
        checkpoint: The signed head of the log in it.
        files: Every file but the manifest, in the order of their paths.
    """

    version: Literal[1]
    backup: Identifier
    site: Text
    made_at: Text
    software: Text
    checkpoint: str
    files: tuple[BackupFile, ...]

    @property
    def head(self) -> Checkpoint:
        """Size and root hash of the log in the backup, as the checkpoint says them."""
        return checkpoint_of(self.checkpoint)

    def format(self) -> bytes:
        """The bytes of the file."""
        return canonical_json(self.model_dump(mode="json"))


def read_manifest(backup: Path) -> tuple[BackupManifest, str]:
    """The manifest of a backup, and its digest.

    Raises:
        NotFoundError: There is no such folder.
        InvalidInputError: The folder is no backup, or one that was never finished.
        IntegrityError: The manifest was altered so that it cannot be read.
    """
    if not backup.is_dir():
        raise NotFoundError("there is no such backup", where=str(backup), remedy="Name the folder of one backup.")
    if not os.path.lexists(backup / MANIFEST):
        raise InvalidInputError(
            f"the folder is no finished backup: it holds no {MANIFEST}",
            where=str(backup),
            remedy="Name a folder that `nesqc site backup` made; one that it did not finish can be deleted.",
        )
    data = b"".join(blocks_of(backup / MANIFEST))
    try:
        manifest = BackupManifest.model_validate_json(data)
        manifest.head  # noqa: B018 - a note that cannot be read is refused here
    except (ValidationError, NesqcError) as error:
        raise IntegrityError(f"{MANIFEST} was altered: it cannot be read", where=str(backup), remedy=_OTHER) from error
    return manifest, sha256_hex(data)


def present_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder, as path within it and path; links are given as they are, and not followed."""
    for place, folders, names in os.walk(folder):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*names, *links]):
            yield (here / name).relative_to(folder).as_posix(), here / name
