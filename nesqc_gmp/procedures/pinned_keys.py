"""The public keys a file is checked with: those somebody outside keeps, else the site's, never those in the file."""

from __future__ import annotations

from pathlib import Path

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import InvalidInputError


def pinned_keys(site: SitePaths | None, trust: Path | None) -> tuple[bytes, str]:
    """Certificate of the authority, PEM, and public key of the log.

    Args:
        site: The site, whose own keys are the last choice.
        trust: Folder with the keys as somebody outside keeps them.

    Raises:
        InvalidInputError: There is no key to pin, or it cannot be read.
    """
    place = trust or (site.trust if site else None)
    if place is None:
        raise InvalidInputError(
            "there is no key to check against",
            where="site",
            remedy="Name the site with --site, or a folder with its public keys with --trust.",
        )
    try:
        return (place / "authority.pem").read_bytes(), (place / "log.vkey").read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"the pinned keys cannot be read: {error}", where=str(place)) from error
