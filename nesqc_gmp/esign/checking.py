"""Checking: every signature in the log, against the content, the act, the person and the certificate of its moment.

The rule itself is ``identity.binding``; this module walks the ledger with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nesqc_gmp.errors import NesqcError
from nesqc_gmp.identity.binding import Certificates, check_signature
from nesqc_gmp.ledger import Reader
from nesqc_gmp.records.entry import SIGNED_KINDS, Entry
from nesqc_gmp.records.people import CredentialSet
from nesqc_gmp.records.site import SiteFounded


@dataclass(frozen=True, slots=True)
class SignatureFinding:
    """A signature that does not hold.

    Attributes:
        index: Index of the entry.
        what: Why.
    """

    index: int
    what: str


class _Checker:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._certificates = Certificates(b"")

    def check(self, entry: Entry) -> str | None:
        """Why the signature of an entry does not hold, ``None`` where it does or there is none."""
        try:
            if isinstance(entry.record, SiteFounded):
                self._certificates = Certificates(entry.record.authority.encode())
                return None
            if isinstance(entry.record, CredentialSet):
                self._certificates.admit(entry.record)
            content = self._reader.content(entry.subject.type, entry.subject.id, before=entry.index)
            check_signature(entry, content, self._certificates, self._reader.root)
        except NesqcError as error:
            return error.what
        return None


def check_signatures(reader: Reader, *, after: int = -1) -> Iterator[SignatureFinding]:
    """Check every signature in the log, oldest first.

    Args:
        reader: Where to read; the ledger itself has to be verified first.
        after: Report only entries after this index.
    """
    checker = _Checker(reader)
    for entry in reader.entries_of(SIGNED_KINDS):
        problem = checker.check(entry)
        if problem is not None and entry.index > after:
            yield SignatureFinding(entry.index, problem)
