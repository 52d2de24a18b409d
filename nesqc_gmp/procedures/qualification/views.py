"""What is shown of the validation of a site: how it stands, and every document and run as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nesqc_gmp.config import SitePaths
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError, NesqcError
from nesqc_gmp.ledger import Reader
from nesqc_gmp.notes import NoteVerifier
from nesqc_gmp.procedures.certificates.whole import whole_copy
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.pinned_keys import pinned_keys
from nesqc_gmp.procedures.qualification.common import load_validation, unknown
from nesqc_gmp.procedures.qualification.enforcement import locked_in
from nesqc_gmp.procedures.qualification.present import read_state
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.state.qualification import Validation, difference_words, differences
from nesqc_gmp.store import refusals
from nesqc_gmp.verifier.report import Step, VerificationReport


@dataclass(frozen=True, slots=True)
class ValidationStatus:
    """How the validation of a site stands.

    Attributes:
        purpose: What the site is for.
        validation: Everything that is known.
        present_sha256: Digest of the installed state now.
        differing: What differs from the qualified state, in words.
    """

    purpose: str
    validation: Validation
    present_sha256: str
    differing: tuple[str, ...]

    @property
    def qualified(self) -> bool:
        """Whether the installed state is the qualified one with IQ and OQ."""
        state = self.validation.qualified
        return state is not None and not self.differing and {"IQ", "OQ"} <= state.stages

    def facts(self) -> list[tuple[str, str]]:
        """What stands at the head."""
        state = self.validation.qualified
        enforced = "before every analysis and release" if self.purpose == "production" else "not on this site"
        return [
            ("purpose of the site", self.purpose),
            ("installed state", self.present_sha256),
            ("qualified state", "none" if state is None else state.state_sha256),
            ("rests on", "nothing" if state is None else f"{state.basis}, {state.since[:19]} UTC"),
            ("approved on it", "nothing" if state is None else ", ".join(sorted(state.stages)) or "nothing"),
            ("models with a PQ", ", ".join(m[:16] for m in sorted(state.models)) or "none" if state else "none"),
            ("enforced", enforced),
            ("last full hash", (self.validation.verified_at or "none")[:19]),
        ]

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        known = self.validation
        return {
            "purpose": self.purpose,
            "qualified": self.qualified,
            "facts": dict(self.facts()),
            "differing": list(self.differing),
            "documents": [
                {**d.prepared.model_dump(mode="json", exclude={"signature"}), "by": d.by.person,
                 "approved": asdict(d.approved) if d.approved else None}
                for d in known.documents.values()
            ],
            "runs": [
                {"run": r.number, "stage": r.opened.stage, "standing": r.standing, "by": r.by.person,
                 "verdicts": {case.case: case.verdict for case in r.last.values()},
                 "outstanding": list(r.outstanding()), "conclusion": r.conclusion.conclusion if r.conclusion else None}
                for r in known.runs.values()
            ],
            "changes": [
                {"change": c.recorded.change, "description": c.recorded.description, "by": c.by.person,
                 "approved": asdict(c.approved) if c.approved else None}
                for c in known.changes.values()
            ],
            "reviews": [r.signed.model_dump(mode="json", exclude={"signature"}) for r in known.reviews.values()],
        }  # fmt: skip


def status(session: Session) -> ValidationStatus:
    """How the validation of the site stands; the installed files are looked at."""
    site = session.site
    with session.viewing("qualify.status") as reader:
        validation = load_validation(reader)
        present = read_state(site, reader, locked_in(validation), anew=False)
    found = differences(validation.qualified.lines, present.lines) if validation.qualified else ()
    return ValidationStatus(
        site.founded.purpose, validation, present.sha256, tuple(difference_words(each) for each in found)
    )


def write_report(session: Session, number: str, out: Path) -> Iterator[Path]:
    """Write what a number names as PDF and JSON; a run brings its evidence.

    Returns:
        The files that were written.

    Raises:
        NotFoundError: The number names nothing.
        InvalidInputError: The folder cannot be written, or holds a file of this name.
    """
    site = session.site
    with session.viewing("qualify.report") as reader:
        validation = load_validation(reader)
        files = dict(_files(site, reader, validation, number))
    for name, data in files.items():
        path = out / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.read_bytes() != data:
                what = "there is another file of this name"
                raise InvalidInputError(what, where=str(path), remedy="Name a new folder.")
            path.write_bytes(data)
        except OSError as error:
            raise InvalidInputError(
                f"the file cannot be written: {error.strerror}", where=str(path), remedy="Name another folder."
            ) from error
        yield path


def _files(site: Site, reader: Reader, validation: Validation, number: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of a report: what was signed where it was signed, else a draft."""
    from nesqc_gmp.procedures.qualification.reports import change, content, files, run
    from nesqc_gmp.reports.pdf import render_pdf

    lines = content.site_lines(site.founded, site.ledger.origin)
    if number in validation.documents:
        document = validation.documents[number]
        data = site.objects.read(document.prepared.content_sha256)
        if document.pdf_sha256 is None:
            drawn = files.printed(lines, content.document_line(lines, document), data, None)
            yield f"{number}.pdf", render_pdf(drawn)
        else:
            yield f"{number}.pdf", site.objects.read(document.pdf_sha256)
        yield f"{number}.json", data
    elif number in validation.runs:
        found = validation.runs[number]
        if found.conclusion is None:
            value = files.content_of_run(site, validation, number)
            data = content.content_bytes(value)
            yield f"{number}.pdf", render_pdf(run.document(value, None, None))
        else:
            data = site.objects.read(found.conclusion.content_sha256)
            yield f"{number}.pdf", site.objects.read(found.conclusion.pdf_sha256)
        yield f"{number}.json", data
        for case in found.cases:
            for evidence in case.evidence:
                name = Path(evidence.name.replace("/", "-"))
                yield (
                    f"{number}.evidence/{name.stem}-{evidence.sha256[:8]}{name.suffix}",
                    site.objects.read(evidence.sha256),
                )
    elif number in validation.changes:
        value_of_change = content.change_content(lines, validation.changes[number])
        data = content.content_bytes(value_of_change)
        yield f"{number}.pdf", render_pdf(change.document(value_of_change))
        yield f"{number}.json", data
    elif number in validation.reviews:
        signed = validation.reviews[number].signed
        yield f"{number}.pdf", site.objects.read(signed.pdf_sha256)
        yield f"{number}.json", site.objects.read(signed.content_sha256)
    else:
        raise unknown(number)


def verify(pdf: Path, *, site: SitePaths | None, trust: Path | None) -> VerificationReport:
    """Verify a signed document or report, needing no login but the log of the site.

    Anybody with a key of the site can sign a file that looks like a report; only the log says which file QA signed.

    Args:
        pdf: The file.
        site: The site, or a read-only copy of it; its authority is pinned, and its log names the file that was signed.
        trust: Folder with the public keys as somebody outside keeps them; it goes before those of the site.

    Raises:
        InvalidInputError: The file cannot be read, or no site was named.
    """
    from nesqc_gmp.procedures.qualification.reports.files import verify_report

    if site is None:
        raise InvalidInputError(
            "a signed document is checked against the log of its site",
            where="site",
            remedy="Name the site, or a read-only copy of it, with --site.",
        )

    data = read_given_file(pdf)
    authority, log_key = pinned_keys(site, trust)
    report = verify_report(data, authority)
    steps = [Step(number=s.number, name=s.name, passed=s.passed, detail=s.detail) for s in report.steps]
    if report.passed:
        passed, detail = _in_the_log(site, log_key, report.identifier.partition("/")[0], data)
        steps.append(Step(number=len(steps) + 1, name="The log names this file", passed=passed, detail=detail))
    return VerificationReport(steps=tuple(steps))


def _in_the_log(paths: SitePaths, log_key: str, number: str, data: bytes) -> tuple[bool, str]:
    """Whether a site signed exactly this file under this number; asked of a log that was verified as a whole."""
    try:
        with (
            refusals(str(paths.ledger)),
            whole_copy(paths, NoteVerifier.parse(log_key)) as engine,
            engine.connect() as connection,
        ):
            known = load_validation(Reader(connection))
    except NesqcError as error:
        return False, str(error)
    signed = {name: document.pdf_sha256 for name, document in known.documents.items()}
    signed |= {name: run.conclusion.pdf_sha256 for name, run in known.runs.items() if run.conclusion}
    signed |= {name: review.signed.pdf_sha256 for name, review in known.reviews.items()}
    named, found = signed.get(number), sha256_hex(data)
    return named == found, f"{number}: the log names {named or 'no signed file'}, this is {found}"
