"""The audit trail: log, search, verify, review, and checkpoints carried outside."""

from nesqc_gmp.procedures.audit.review import AuditException, ReviewSheet, review, sheet
from nesqc_gmp.procedures.audit.trail import checkpoint, entry, log, search
from nesqc_gmp.procedures.audit.verification import verify

__all__ = ["AuditException", "ReviewSheet", "checkpoint", "entry", "log", "review", "search", "sheet", "verify"]
