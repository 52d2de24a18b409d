"""Sample certificates: conforming, failing, undecided, of one image and of hundreds, all simulated."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image, ImageDraw

from nesqc_gmp.identity.authority import (
    Authority,
    create_authority,
    issue_crl,
    issue_person_certificate,
    issue_timestamp_certificate,
)
from nesqc_gmp.identity.personal_key import PersonKey, new_person_key
from nesqc_gmp.identity.timestamping import issue_timestamp
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.certificate_lines import (
    AmendmentLine,
    AttemptLine,
    AuditReviewLine,
    BatchLines,
    ExampleImage,
    ImageLine,
    IssuingSite,
    LogAnchor,
    Manifestation,
    ModelLines,
    ProductLines,
    ReadingLine,
    RemarkLine,
    ResultManifestation,
    SpecificationLines,
    TestLine,
)
from nesqc_gmp.records.certificates import (
    CertificateContent,
    culture_line,
    image_counts,
    overall_outcome,
    worst_image,
)
from nesqc_gmp.records.images import Heterogeneity, Spread

WHEN = datetime(2026, 11, 22, 19, 58, 34, tzinfo=UTC)
RECORD = b'{"note":"a sample record"}'
ATTACHMENTS = {"record.json": RECORD, "proof.txt": b"sample proof\n"}


def picture(seed: int, warm: bool) -> bytes:
    """A small drawn JPEG, the same for the same seed."""
    image = Image.new("RGB", (192, 192), (96, 96, 100))
    draw = ImageDraw.Draw(image)
    for number in range(40):
        x, y = (seed * 37 + number * 53) % 192, (seed * 61 + number * 97) % 192
        draw.ellipse((x, y, x + 16, y + 7), outline=(200, 200, 205))
    if warm:
        draw.ellipse((60, 60, 120, 120), fill=(240, 160, 40))
    target = io.BytesIO()
    image.save(target, "JPEG", quality=80)
    return target.getvalue()


def sha(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def local(clock: str) -> str:
    """A moment of the sample day in local time."""
    return f"2026-11-22T{clock}.205516+01:00"


def utc(clock: str) -> str:
    """The same in universal time."""
    return f"2026-11-22T{clock}.205516Z"


def spread(value: float, half: float, units: int) -> Spread:
    """A spread with bounds that are as far on both sides."""
    return Spread(value=f"{value:.3f}", low=f"{max(value - half, 0):.3f}", high=f"{value + half:.3f}", units=units)


def heterogeneity(value: float, half: float, units: int) -> Heterogeneity:
    """Appearance, and a score that goes with it."""
    return Heterogeneity(appearance=spread(value, half, units), score=spread(value * 0.7, half * 0.7, units))


def image_lines(count: int, kind: str) -> tuple[ImageLine, ...]:
    """Lines over four cultures; their scores depend on the kind."""
    lines = []
    for number in range(count):
        culture = f"C{number % min(4, count) + 1}"
        score = 0.999 - (number * 37 % 97) / 600
        if kind == "failing" and number % 3 == 1:
            score -= 0.55
        if kind == "undecided" and number % 5 == 1:
            score -= 0.25
        text = f"{score:.4f}"
        outcome: Any = "conforming" if score >= 0.8 else "not conforming" if score < 0.6 else "undecided"
        reason = ""
        if count > 10 and number in (7, 11):
            text, outcome, reason = "", "rejected by input check", "INPUT-FOCUS 12.1, limit 40.0"
        lines.append(
            ImageLine(
                image=f"{culture}-F{number + 1:03d}",
                culture=culture,
                field=f"F{number + 1:03d}",
                score=text or None,
                heterogeneity=heterogeneity(1 + (number * 29 % 41 - 20) / 80, 0.22, 16) if text else None,
                outcome=outcome,
                reason=reason,
            )
        )
    return tuple(lines)


def tests_of(kind: str, people: tuple[str, str]) -> tuple[TestLine, ...]:
    """The tests; the first is the image test."""
    first: Any = {"failing": "not conforming", "undecided": "undecided"}.get(kind, "conforming")
    rows: tuple[tuple[str, str, str, str, str, Any], ...] = (
        ("Morphology", "Image classifier nes-morphology 1.0.0", "SOP-QC-118 v4",
         "≥ 90 % of images conforming in each culture", "lowest culture 100.0 %" if kind != "failing" else "66.7 %",
         first),
        ("Viability", "Flow cytometry, 7-AAD (Ph. Eur. 2.7.29)", "SOP-QC-104 v7", "≥ 80 %", "93.4 %", "conforming"),
        ("Identity: PAX6 and SOX1 positive", "Flow cytometry", "SOP-QC-106 v3", "≥ 90 %", "97.1 %", "conforming"),
        ("Mycoplasma", "NAT (Ph. Eur. 2.6.7)", "SOP-QC-110 v2", "not detected", "not detected", "conforming"),
        ("Endotoxin", "Kinetic chromogenic (Ph. Eur. 2.6.14)", "SOP-QC-111 v2", "≤ 0.5 EU/mL", "< 0.05 EU/mL",
         "conforming"),
    )  # fmt: skip
    return tuple(
        TestLine(
            number=number, name=name, method=method, sop=sop, criterion=criterion, result=result, outcome=outcome,
            performed_by=people[0], verified_by="" if number == 1 else people[1],
        )
        for number, (name, method, sop, criterion, result, outcome) in enumerate(rows, start=1)
    )  # fmt: skip


def make_content(
    count: int = 24, kind: str = "conforming", name: str = "Dr. María Ejemplo", **changes: Any
) -> tuple[CertificateContent, dict[str, bytes]]:
    """A content and its pictures."""
    people = (name if len(name) > 60 else "Anna Beispiel", "Tomáš Novák")
    images, tests = image_lines(count, kind), tests_of(kind, people)
    worst = worst_image(images)
    scored = [line.image for line in images if line.score is not None and line != worst]
    shown = [worst.image, *scored[:3]] if worst else []
    pictures: dict[str, bytes] = {}
    examples = []
    for number, image in enumerate(shown):
        files = [picture(number, False), picture(number, True)]
        pictures |= {sha(data): data for data in files}
        examples.append(ExampleImage(image=image, thumbnail_sha256=sha(files[0]), heat_map_sha256=sha(files[1])))
    outcome = overall_outcome(line.outcome for line in tests)
    cultures = tuple(dict.fromkeys(line.culture for line in images))
    decision: Any = {"conforming": "released", "failing": "rejected", "undecided": "on hold"}[kind]
    readings = [
        ReadingLine(image=shown[0], reader="Tomáš Novák", reading="conforming", blinded=True, override=False, reason="")
    ]
    if kind != "conforming":
        readings[0] = readings[0].model_copy(
            update={"override": True, "reason": "Rosettes are visible in the lower half of the field."}
        )
    fields: dict[str, Any] = {
        "certificate": "QC-2026-000417",
        "revision": 1,
        "supersedes": None,
        "form": "QC-F-031 v2",
        "demonstration": True,
        "simulated_images": True,
        "issued": Instant(
            utc="2026-11-22T19:58:34.000000Z", local="2026-11-22T20:58:34.000000+01:00", zone="Europe/Berlin"
        ),
        "site": IssuingSite(
            name="Beispiel Cell Therapeutics GmbH",
            address="Musterstraße 12, 79104 Freiburg, Germany",
            authorisation="DE_BW_01_MIA_2025_0000",
        ),
        "product": ProductLines(
            name="Neuroepithelial stem cells, dispersion (simulated)", code="NES-01", form="Dispersion for injection",
            strength="1.0 × 10⁶ cells/mL, 10 mL bag", storage="2–8 °C", authorisation="EU CT 2025-500000-00-00",
        ),
        "batch": BatchLines(
            number="B26-0417", line_code="L-7F3K", cultures=cultures, passages="P3", manufactured_on="2026-11-18",
            expires_on="2026-11-23", retained_until="2056-11-23",
        ),
        "specification": SpecificationLines(
            identifier="NES-01.v6", sha256=sha(b"specification"),
            sampling_plan="At least 4 cultures, 6 fields each, positions drawn before the first score",
            heterogeneity_max="1.5", approved_by="Dr. María Ejemplo",
        ),
        "outcome": outcome,
        "decision": decision,
        "tests": tests,
        "not_covered": ("sterility", "karyotype", "potency"),
        "counts": image_counts(images, 1 if count > 10 else 0),
        "cultures": tuple(
            culture_line(
                culture,
                images,
                outcome if number == 0 else "conforming",
                heterogeneity(1.9 if kind == "failing" and number == 0 else 0.96 + number / 20, 0.14, 6),
            )
            for number, culture in enumerate(cultures)
        ),
        "heterogeneity": heterogeneity(1.04, 0.21, len(cultures)),
        "images": images,
        "readings": tuple(readings),
        "attempts": (
            AttemptLine(number=1, opened=local("18:01:07"), closed=local("18:01:31"),
                        ending="aborted", scored=9, detail="Stopped by the operator: wrong focus offset suspected."),
            AttemptLine(number=2, opened=local("18:20:40"), closed=local("18:21:44"),
                        ending="completed", scored=count, detail=""),
        ),
        "amendments": (
            AmendmentLine(when=local("18:40:02"), person="Anna Beispiel",
                          what="Passage of C2 corrected from 2 to 3.", reason="Typing error, see culture log page 4."),
        ) if kind == "failing" else (),
        "deviations": ("DEV-2026-031: incubator door alarm, 4 minutes, assessed as without effect",)
        if kind == "failing" else (),
        "remarks": (RemarkLine(person=name, text="Data, attempts and exceptions reviewed."),),
        "model": ModelLines(
            name="nes-morphology", version="1.0.0", sha256=sha(b"package"),
            intended_use="Supports the morphological quality control of NES cultures, phase contrast 10×. "
            "Demonstration model trained on simulated images; not for GMP use.",
            conforming_from="0.80", not_conforming_below="0.60",
            self_test="identical to the locked outputs", runtime="onnxruntime 1.32.0, CPU, 1 thread, EXTENDED",
            approved="2026-06-02, Dr. María Ejemplo", demonstration=True,
        ),
        "audit_review": AuditReviewLine(
            reviewer="Tomáš Novák", first=120, last=211, exceptions=3, conclusion="Nothing stands against a decision."
        ),
        "manifestations": tuple(
            Manifestation(person=person, name=who, role=role, meaning=meaning, local=local(here), utc=utc(there),
                          statement_sha256=sha(person.encode()))
            for person, who, role, meaning, here, there in (
                ("a.beispiel", people[0], "operator", "performed: I performed this work and the recorded data are "
                 "complete.", "18:45:10", "17:45:10"),
                ("t.novak", "Tomáš Novák", "reviewer", "reviewed: I reviewed the data, the attempts and the "
                 "exceptions of this record.", "19:02:55", "18:02:55"),
                ("t.novak", "Tomáš Novák", "reviewer", "audit trail reviewed: I reviewed the audit trail of this "
                 "record independently of the work.", "19:30:00", "18:30:00"),
                ("m.ejemplo", name, "qa", f"{decision}: " + {
                    "released": "I release this batch for the tests listed in its specification.",
                    "rejected": "I reject this batch.", "on hold": "I place this batch on hold."}[decision],
                 "20:58:30", "19:58:30"),
            )
        ),
        "result_manifestations": tuple(
            ResultManifestation(person=person, name=who, role=role, meaning=meaning, local=local(here),
                                utc=utc(there), statement_sha256=sha(line.name.encode()), test=line.name)
            for person, who, role, meaning, here, there in (
                ("a.beispiel", people[0], "operator", "performed: I performed this work and the recorded data are "
                 "complete.", "18:30:10", "17:30:10"),
                ("t.novak", "Tomáš Novák", "reviewer", "verified: I verified this result against its evidence as a "
                 "second person.", "18:40:20", "17:40:20"),
            )
            for line in tests[1:]
        ),
        "log": LogAnchor(origin="beispiel.example/qc-log", size=214,
                         root="CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", disposition_index=212),
        "examples": tuple(examples),
        "heat_map_legend": "Below each image: class-activation map, light speaks for conforming, dark against.",
        "software": "nesqc_gmp 0.1.0",
    }  # fmt: skip
    return CertificateContent(**(fields | changes)), pictures


@dataclass(frozen=True)
class Keys:
    """The keys of a sample site."""

    authority: Authority
    person: PersonKey
    person_certificate: bytes
    crl: bytes
    timestamp: Callable[[bytes], bytes]


def make_keys(name: str = "Dr. María Ejemplo") -> Keys:
    """A site of its own: root, one person, a revocation list, a time-stamp authority."""
    authority = create_authority("Beispiel Cell Therapeutics GmbH", WHEN)
    person, clock = new_person_key(), new_person_key()
    clock_certificate = issue_timestamp_certificate(authority, clock.public_key, "Beispiel", WHEN, 2)
    serials = iter(range(1, 1000))

    def timestamp(digest: bytes) -> bytes:
        return issue_timestamp(
            digest, certificate_pem=clock_certificate, private_pkcs8=clock.private_pkcs8,
            chain_pem=(authority.certificate_pem,), serial=next(serials), when=WHEN,
        )  # fmt: skip

    certificate = issue_person_certificate(authority, person.public_key, "m.ejemplo", name, WHEN, 3)
    return Keys(authority, person, certificate, issue_crl(authority, (), WHEN, 1), timestamp)


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Keys of the sample site."""
    return make_keys()


@pytest.fixture(scope="session")
def sample() -> Callable[..., tuple[CertificateContent, dict[str, bytes]]]:
    """Maker of sample contents."""
    return make_content


@pytest.fixture(scope="session")
def attachments() -> dict[str, bytes]:
    """Attachments of the samples."""
    return ATTACHMENTS
