"""Where a site lies and where its parts are; read once, by the command that needs it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nesqc_gmp.errors import NotFoundError

LEDGER_FILE = "ledger.sqlite"


@dataclass(frozen=True, slots=True)
class SitePaths:
    """The parts of a site folder.

    Args:
        folder: The site folder.
        pinned: Folder with the public keys as somebody outside keeps them; the site's own otherwise.
    """

    folder: Path
    pinned: Path | None = None

    @property
    def ledger(self) -> Path:
        """The database of the ledger."""
        return self.folder / LEDGER_FILE

    @property
    def objects(self) -> Path:
        """Original files by digest."""
        return self.folder / "objects"

    @property
    def keys(self) -> Path:
        """Keys; readable by the owner of the site alone."""
        return self.folder / "keys"

    @property
    def log_key(self) -> Path:
        """Private key of the log."""
        return self.keys / "log.key"

    @property
    def log_state(self) -> Path:
        """The last checkpoint the log key signed."""
        return self.keys / "log.state"

    @property
    def authority(self) -> Path:
        """The certification authority of the site."""
        return self.keys / "authority.pem"

    @property
    def timestamp_key(self) -> Path:
        """Private key of the time-stamping authority."""
        return self.keys / "timestamp.der"

    @property
    def certificates(self) -> Path:
        """Issued certificates with their evidence."""
        return self.folder / "certificates"

    @property
    def reports(self) -> Path:
        """Reports of the tests of models."""
        return self.folder / "reports"

    @property
    def installed_files(self) -> Path:
        """Digests of the installed files, remembered between commands; it can be deleted at any time."""
        return self.folder / "installed-files.cache"

    @property
    def trust(self) -> Path:
        """What an auditor pins: the log's public key and the authority's certificate."""
        return self.pinned or self.folder / "trust"

    @property
    def log_verifier(self) -> Path:
        """Public key of the log."""
        return self.trust / "log.vkey"

    @property
    def authority_certificate(self) -> Path:
        """Certificate of the authority."""
        return self.trust / "authority.pem"

    def envelope(self, person: str) -> Path:
        """Sealed signing key of one person."""
        return self.keys / "people" / f"{person}.json"


def find_site(named: Path | None, beside: Path | None = None) -> SitePaths:
    """The site that is named, by ``NESQC_SITE``, or the nearest folder above that holds one.

    Args:
        named: The folder that was named.
        beside: A file whose own folders above are looked through too.

    Raises:
        NotFoundError: There is no site.
    """
    chosen = named or (Path(os.environ["NESQC_SITE"]) if os.environ.get("NESQC_SITE") else None)
    if chosen is not None:
        if not (chosen / LEDGER_FILE).is_file():
            raise NotFoundError(
                "the folder holds no site", where=str(chosen), remedy="Make one with `nesqc site init` or `nesqc demo`."
            )
        return SitePaths(chosen)
    starts = [Path.cwd(), *([beside.resolve().parent] if beside else [])]
    for folder in (above for start in starts for above in (start, *start.parents)):
        if (folder / LEDGER_FILE).is_file():
            return SitePaths(folder)
    raise NotFoundError(
        "there is no site in this folder or above",
        where=str(Path.cwd()),
        remedy="Name one with --site or NESQC_SITE, or make one with `nesqc site init` or `nesqc demo`.",
    )


def find_validation(named: Path | None) -> Path:
    """The folder with requirements, protocols and the release manifest: named, beside the package, or in this folder.

    Raises:
        NotFoundError: It is not there.
    """
    places = [named] if named else [base / "validation" for base in (Path(__file__).resolve().parents[1], Path.cwd())]
    for place in places:
        if (place / "clauses.toml").is_file():
            return place
    raise NotFoundError(
        "the folder with the protocols and the release manifest is not there",
        where=str(named or "validation/"),
        remedy="Name the folder `validation` of the release with --validation, or run the command from a clone.",
    )


def sessions_folder() -> Path:
    """Where the sessions of the present user of the computer are kept."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "nesqc" / "sessions"
