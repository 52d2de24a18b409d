"""The fixed sentences of a certificate: what it says, and what it takes care not to say.

A certificate covers the tests listed and nothing else; a person decides, never the classifier; the certification of
a batch by a Qualified Person (EU GMP annex 16) is another document.
"""

from __future__ import annotations

from typing import Final

from nesqc_gmp.records.certificates import CertificateContent, Headline, headline
from nesqc_gmp.records.images import Outcome
from nesqc_gmp.records.site import MARKS, purpose_of

TITLE: Final = "Quality Control Certificate"
SUBTITLE: Final = "Results of the release tests listed; morphology by a locked image classifier, decision by a person"
SIMULATED: Final = "simulated images"
ORIGINAL: Final = "The electronically signed file is the original. Prints and conversions are copies."
NOT_QP: Final = (
    "This is not the certification of the batch by a Qualified Person (EU GMP Annex 16) and does not replace it."
)
SEAL: Final = (
    "Each electronic signature is a signed record in record.json. This one (PAdES) protects the file; "
    "the deciding person made it with the same key."
)
OUTCOME_WORDS: Final[dict[Outcome, str]] = {
    "conforming": "Complies",
    "not conforming": "Does not comply",
    "undecided": "Undecided",
}
HEADLINE_OUTCOMES: Final[dict[Headline, Outcome]] = {
    "COMPLIES": "conforming",
    "DOES NOT COMPLY": "not conforming",
    "REJECTED": "not conforming",
    "UNDECIDED": "undecided",
    "ON HOLD": "undecided",
}
VERIFICATION: Final = (
    "Take record.json out of this file with any PDF reader or with “pdfdetach”. Its SHA-256 is the record digest at "
    "the foot of every page and in the code on the left.",
    "Check the signature and the time stamps with a verifier for PAdES that also judges later changes, trusting only "
    "the certificate authority of the site: “pyhanko sign adesverify --trust-replace --trust authority.pem”. Programs "
    "that only say “signature valid” do not see what was added after signing. They may call the document time stamp "
    "unverified.",
    "Check that disposition.tlog-proof leads from disposition.json, the recorded decision, to the log state printed "
    "here, and that the log of today extends it.",
    "Compare what is printed with record.json.",
)


def moment(value: str) -> str:
    """A moment of a record as printed: date, time to the second, offset or UTC; it stays on one line."""
    zone = "UTC" if value.endswith("Z") else value[-6:]
    return f"{value[:10]}\u00a0{value[11:19]}\u00a0{zone}"


def marking(content: CertificateContent) -> str:
    """The line on every page of a certificate that is not for GMP use; empty for one that is."""
    qualification = purpose_of(content.log.origin) == "qualification"
    parts = [MARKS["qualification" if qualification else "demonstration"]] if content.demonstration else []
    if content.simulated_images:
        parts.append(SIMULATED)
    return " · ".join(parts)


def verdict_word(content: CertificateContent) -> Headline:
    """The word of the verdict bar."""
    return headline(content.outcome, content.decision)


def verdict_sentence(content: CertificateContent) -> str:
    """What the tests say, in one sentence."""
    total = len(content.tests)
    tests = "The one test listed" if total == 1 else f"All {total} tests listed"
    name = f"specification {content.specification.identifier}"
    if content.outcome == "conforming":
        return f"{tests} {'conforms' if total == 1 else 'conform'} to {name}."
    failing = sum(line.outcome == content.outcome for line in content.tests)
    verb = {
        "not conforming": "does not conform" if failing == 1 else "do not conform",
        "undecided": "is undecided" if failing == 1 else "are undecided",
    }[content.outcome]
    open_tests = sum(line.outcome == "undecided" for line in content.tests) if content.outcome != "undecided" else 0
    more = f", {open_tests} {'is' if open_tests == 1 else 'are'} undecided" if open_tests else ""
    return f"{failing} of {total} {'test' if total == 1 else 'tests'} listed {verb}{more} ({name})."


def decision_sentence(content: CertificateContent) -> str:
    """What a person decided."""
    decided = {
        "released": "released for the tests listed",
        "rejected": "rejected",
        "on hold": "placed on hold",
    }[content.decision]
    return f"Batch {content.batch.number} was {decided} by {content.manifestations[-1].name}."


def scope_sentence(content: CertificateContent) -> str:
    """What is not covered."""
    if content.not_covered:
        scope = f"Not covered by this certificate: {', '.join(content.not_covered).rstrip('.')}."
    else:
        scope = "This certificate covers the tests listed and no other."
    return f"{scope} {NOT_QP}"
