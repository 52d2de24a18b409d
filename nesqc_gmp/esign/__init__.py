"""Electronic signatures: show a statement, re-authenticate, sign exactly what was shown, and check it later.

Id and passphrase are asked for every signature, without any grace period (21 CFR 11.200(a)(1)). The signature is bound
to the record by id, version and digest of its content, and to the act by a digest of the act's own fields, so it can
neither be moved to another record nor survive a change (21 CFR 11.70).
"""

from nesqc_gmp.esign.ceremony import Ceremony, Credentials, open_key, sign_text
from nesqc_gmp.esign.checking import SignatureFinding, check_signatures
from nesqc_gmp.identity.binding import act_digest, signature_of

__all__ = [
    "Ceremony",
    "Credentials",
    "SignatureFinding",
    "act_digest",
    "check_signatures",
    "open_key",
    "sign_text",
    "signature_of",
]
