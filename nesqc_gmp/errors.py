"""Every way the tool can refuse, as one tree; each class owns its exit code.

::

    NesqcError                      1   any refusal
    ├── NotFoundError              10   a named record, file or site does not exist
    ├── OutOfSequenceError         11   the step is not allowed in the present state
    │   └── NotQualifiedError      15   the installed state is not the qualified one
    ├── NotAuthorisedError         12   the person's roles do not allow the act
    ├── AuthenticationError        13   wrong id or passphrase, no or expired session
    │   └── AccountLockedError     14   too many failures, disabled, or waiting for its owner
    ├── ImageRejectedError         20   a file is not an acceptable image
    ├── ModelRefusedError          21   a model package is not byte for byte what was approved
    ├── IntegrityError             30   a record, file or checkpoint was altered
    │   └── CertificateInvalidError 31  a certificate file does not verify
    ├── InvalidInputError          40   a field or file the person gave is wrong
    │   └── RecordTooLargeError    41   a record would exceed the size limit
    └── LedgerBusyError            50   the ledger could not be opened for writing in time

A usage error of the command line ends with 2, an unexpected fault with 70, Ctrl-C with 130.
"""

from __future__ import annotations

from typing import ClassVar


class NesqcError(Exception):
    """A refusal that says what is wrong, where, and what to do.

    Args:
        what: One sentence: what is wrong.
        where: File, field or record the sentence is about.
        remedy: What the person can do now.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{place}{self.what.removesuffix('.') if remedy else self.what}{remedy}"


class NotFoundError(NesqcError):
    """A named record, file or site does not exist."""

    exit_code = 10


class OutOfSequenceError(NesqcError):
    """The step is not allowed in the present state (21 CFR 11.10(f))."""

    exit_code = 11


class NotQualifiedError(OutOfSequenceError):
    """The installed state is not the one that was qualified, or a qualification is missing (EU GMP Annex 11 cl. 4)."""

    exit_code = 15


class NotAuthorisedError(NesqcError):
    """The person's roles do not allow the act (21 CFR 11.10(g))."""

    exit_code = 12


class AuthenticationError(NesqcError):
    """Wrong id or passphrase, or no valid session (21 CFR 11.200, 11.300)."""

    exit_code = 13


class AccountLockedError(AuthenticationError):
    """The account is locked, disabled, or waits for its owner to set a passphrase."""

    exit_code = 14


class ImageRejectedError(NesqcError):
    """A file is not an acceptable image; the reason is in ``what``."""

    exit_code = 20


class ModelRefusedError(NesqcError):
    """A model package is not byte for byte what was approved."""

    exit_code = 21


class IntegrityError(NesqcError):
    """A record, file or checkpoint was altered.

    Args:
        what: What was found.
        where: The place.
        remedy: What to do.
        first_bad: Index of the first bad record in the log, where it is known.
    """

    exit_code = 30

    def __init__(
        self, what: str, *, where: str | None = None, remedy: str | None = None, first_bad: int | None = None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.first_bad = first_bad


class CertificateInvalidError(IntegrityError):
    """A certificate file does not verify."""

    exit_code = 31


class InvalidInputError(NesqcError):
    """A field or file that the person gave is wrong."""

    exit_code = 40


class RecordTooLargeError(InvalidInputError):
    """A record would exceed the size limit of a log entry; nothing was changed."""

    exit_code = 41


class LedgerBusyError(NesqcError):
    """The ledger could not be opened for writing in time."""

    exit_code = 50
