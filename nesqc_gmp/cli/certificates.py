"""``nesqc certificates``: issue, verify, withdraw and replace QC certificates."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nesqc_gmp.cli.options import BatchArgument, JsonOption, ReasonOption, SiteOption, TrustOption
from nesqc_gmp.cli.run import logged_in, noun, site_if_any
from nesqc_gmp.errors import CertificateInvalidError

if TYPE_CHECKING:
    from nesqc_gmp.esign import Credentials
    from nesqc_gmp.state.certificates import CertificateState

app = noun(
    """QC certificates: PDF files with the record and its proof inside, signed by the person who decided about the
    batch. None is ever overwritten; a wrong one is withdrawn, or replaced by the next revision.

    The order: `issue` after the decision, `verify` by anybody at any time (no login), `withdraw` or `supersede` where
    something was wrong.

    \b
    Example:
      nesqc certificates issue B-0421
      nesqc certificates verify QC-2026-000001.pdf --site lab-uppsala
      nesqc certificates supersede QC-2026-000001 --reason "Storage misprinted"
    """
)
NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help="Certificate number; see `nesqc certificates list`.")
]


@app.command()
def issue(batch: BatchArgument, site: SiteOption = None) -> None:
    """Issue the certificate of a batch, signed by who decided."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import certificates

    with logged_in(site) as session:
        issued = certificates.issue(session, batch, terminal.ceremony)
    show.say(f"Certificate {issued.number} is issued.")
    show.print_facts([("certificate", issued.pdf), ("evidence", issued.evidence)])
    show.say("Check both with")
    show.say_command(f"nesqc certificates verify {shlex.quote(str(issued.pdf))}")


@app.command("list")
def list_certificates(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List all certificates with their standing."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import certificates

    with logged_in(site) as session:
        found = certificates.certificates(session).values()
    if as_json:
        show.print_json([_as_json(certificate) for certificate in found])
        return
    rows = [(c.issued.certificate, c.issued.batch, c.issued.revision, c.standing, c.issued_local[:19]) for c in found]
    show.print_table(("Certificate", "Batch", "#Revision", "Standing", "Issued"), rows, "There is no certificate.")


def _as_json(certificate: CertificateState) -> dict[str, Any]:
    issued = certificate.issued
    return {
        "certificate": issued.certificate,
        "batch": issued.batch,
        "revision": issued.revision,
        "supersedes": issued.supersedes,
        "standing": certificate.standing,
        "reason": certificate.reason,
        "issued_at": certificate.issued_local,
        "entry": certificate.index,
        "anchored_size": issued.anchored_size,
        "record_sha256": issued.content_sha256,
        "pdf_sha256": issued.pdf_sha256,
    }


@app.command("show")
def show_certificate(number: NumberArgument, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show one certificate: batch, standing, digests."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import certificates

    with logged_in(site) as session:
        value = _as_json(certificates.show(session, number))
    if as_json:
        show.print_json(value)
    else:
        show.print_facts([(name.replace("_", " "), fact) for name, fact in value.items()])


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="The certificate.", show_default=False)],
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="DIR", help="Evidence folder; else the one beside the file."),
    ] = None,
    trust: TrustOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a certificate file; needs no login. Exit code 31 where a step fails.

    The site is found as everywhere (--site, NESQC_SITE, the nearest folder above), or above the file itself. Without
    a site, --trust names the keys; keys that come with the file prove nothing and are never used.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import certificates

    report = certificates.verify(file, site=site_if_any(site, file), evidence=evidence, trust=trust)
    show.print_report(report, as_json=as_json)
    if not report.verified:
        raise typer.Exit(CertificateInvalidError.exit_code)


@app.command()
def withdraw(number: NumberArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Withdraw a certificate, signed. Its file stays and verifies as withdrawn."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import certificates

    with logged_in(site) as session:
        certificates.withdraw(session, number, reason, terminal.ceremony)
    show.say(f"Certificate {number} is withdrawn.")


@app.command()
def supersede(number: NumberArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Replace a certificate by its next revision, signed. The new certificate is signed as well."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import certificates

    def ceremony(statement: str) -> Credentials:
        if "\nMeaning: issued " in statement:
            terminal.tell(
                f"{number} is out of force, its replacement not yet signed. If you leave here, "
                "`nesqc certificates issue BATCH` comes back to this signature."
            )
        return terminal.ceremony(statement)

    with logged_in(site) as session:
        issued = certificates.supersede(session, number, reason, ceremony)
    show.say(f"Certificate {number} is replaced by {issued.number}.")
    show.print_facts([("certificate", issued.pdf), ("evidence", issued.evidence)])
