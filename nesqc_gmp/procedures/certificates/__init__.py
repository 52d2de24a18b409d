"""Certificates: issue, list, show, verify, withdraw, supersede; never overwritten."""

from nesqc_gmp.procedures.certificates.issuing import IssuedCertificate, issue, supersede, withdraw
from nesqc_gmp.procedures.certificates.views import certificates, show, verify

__all__ = ["IssuedCertificate", "certificates", "issue", "show", "supersede", "verify", "withdraw"]
