"""Validation: documents, runs of qualification, deviations, changes, and the validated state that is enforced."""

from nesqc_gmp.procedures.qualification.changes import approve_change, change
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.qualification.deviations import assess, deviation
from nesqc_gmp.procedures.qualification.documents import approve_document, prepare
from nesqc_gmp.procedures.qualification.runs import Execution, approve_run, check, submit

__all__ = [
    "Execution",
    "approve_change",
    "approve_document",
    "approve_run",
    "assess",
    "change",
    "check",
    "deviation",
    "load_validation",
    "prepare",
    "submit",
]
