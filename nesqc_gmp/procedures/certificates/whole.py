"""The ledger of a site as it is read for a certificate: verified as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.ledger import reading_copy, verify_database
from nesqc_gmp.ledger.signer import read_state
from nesqc_gmp.notes import NoteVerifier


@contextmanager
def whole_copy(paths: SitePaths, verifier: NoteVerifier) -> Iterator[Engine]:
    """An engine on a ledger whose every entry, index row and checkpoint was computed again.

    Args:
        paths: The site, or a read-only copy of it, which may come without the state of the log key.
        verifier: The public key of the log.

    Raises:
        NotFoundError: There is no ledger.
        IntegrityError: It is not whole; names the first bad record.
    """
    anchors = {}
    if paths.log_state.is_file():
        anchors["the log key's state"] = read_state(paths.log_state.read_bytes(), verifier)
    with reading_copy(paths.ledger) as engine:
        for finding in verify_database(engine, verifier, anchors=anchors).findings:
            raise IntegrityError(
                finding.what, where="ledger", remedy="Run `nesqc audit verify`.", first_bad=finding.first_bad
            )
        yield engine
