"""Operational qualification: protocols that are data, executed with the installed tool on sites made for them."""

from nesqc_gmp.qualification.oq.protocol import OqProtocol, read_protocol
from nesqc_gmp.qualification.oq.results import CaseResult
from nesqc_gmp.qualification.oq.runner import execute

__all__ = ["CaseResult", "OqProtocol", "execute", "read_protocol"]
