"""The life of a batch, one file a stage: receipt, analysis, reading, results, signatures, and the views on it."""

from nesqc_gmp.procedures.batches.analysis import Progress, analyse
from nesqc_gmp.procedures.batches.disposition import hold, reject, release, review, submit
from nesqc_gmp.procedures.batches.reading import read
from nesqc_gmp.procedures.batches.receipt import Incoming, Received, explain, incoming, receive, register, seal
from nesqc_gmp.procedures.batches.results import record_result, verify_result
from nesqc_gmp.procedures.batches.views import BatchView, batches, show

__all__ = [
    "BatchView",
    "Incoming",
    "Progress",
    "Received",
    "analyse",
    "batches",
    "explain",
    "hold",
    "incoming",
    "read",
    "receive",
    "record_result",
    "register",
    "reject",
    "release",
    "review",
    "seal",
    "show",
    "submit",
    "verify_result",
]
