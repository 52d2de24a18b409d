"""The ledger: append a record, sign a checkpoint, prove, verify. Nothing else writes.

One RFC 6962 log for each installation. A leaf is the canonical JSON of one entry; each commit ends with a checkpoint
signed by the log key. Key and last signed checkpoint lie outside the database, so a database that was cut or put back
does not continue.
"""

from nesqc_gmp.ledger.body import ENTRY_LIMIT, SOFTWARE
from nesqc_gmp.ledger.ledger import Ledger
from nesqc_gmp.ledger.reader import IndexRow, Reader
from nesqc_gmp.ledger.signer import LogSigner
from nesqc_gmp.ledger.transaction import Receipt, Transaction
from nesqc_gmp.ledger.verification import Finding, LedgerReport, reading_copy, verify_database
from nesqc_gmp.records.content import Content

__all__ = [
    "ENTRY_LIMIT",
    "SOFTWARE",
    "Content",
    "Finding",
    "IndexRow",
    "Ledger",
    "LedgerReport",
    "LogSigner",
    "Reader",
    "Receipt",
    "Transaction",
    "reading_copy",
    "verify_database",
]
