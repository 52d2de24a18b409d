"""The validated state, enforced: what uses a model or releases a batch runs only on the state that was qualified.

The installed state is read at the start of such an act: every file by its identity against the digests of the last
full hash, and once a day, or where those are missing, every file anew, which is recorded. A site that is not for GMP
use is never qualified for it and never asked.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import SYSTEM, Site
from nesqc_gmp.procedures.qualification.common import load_qualified, load_validation, subject
from nesqc_gmp.procedures.qualification.present import PresentState, read_state
from nesqc_gmp.procedures.qualification.runs import Installed
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.qualification import InstallationVerified
from nesqc_gmp.state.qualification import Validation, differences, require_qualified

FULL_HASH_EVERY: Final = timedelta(hours=24)
"""How long digests by file identity are relied on."""

_NOT_COMPARED: Final = "0" * 64
INSTALLATION: Final = "installation"
"""The record that full hashes are about."""


def present_for_use(site: Site) -> PresentState | None:
    """The installed state, read before an act that needs it; ``None`` where the site is not for GMP use."""
    if not site.founded.for_gmp_use:
        return None
    with site.ledger.reading() as reader:
        validation = load_qualified(reader)
        locked = locked_in(validation)
        if not _due(site, validation):
            return read_state(site, reader, locked, anew=False)
        present = read_state(site, reader, locked, anew=True)
    with site.ledger.writing() as transaction:
        qualified = load_qualified(transaction).qualified
        found = differences(qualified.lines, present.lines) if qualified else ()
        record = InstallationVerified(
            state_sha256=present.sha256, differing=tuple(f"{each.group}, {each.name}" for each in found)
        )
        site.append(transaction, SYSTEM, subject(INSTALLATION), record)
    return present


def installed_for(session: Session, right: str, *, anew: bool = True) -> Installed:
    """The installed state for an act, and the manifest that this state was compared with last.

    Args:
        session: Who acts; their right is checked before any file is read.
        right: The act.
        anew: Hash every file; else those whose identity has changed since the last full hash.

    Raises:
        NotAuthorisedError: They may not; the refusal is recorded.
    """
    site = session.site
    with session.viewing(right) as reader:
        validation = load_validation(reader)
        present = read_state(site, reader, locked_in(validation), anew=anew)
    opened = [run.opened for run in validation.runs.values() if run.opened.stage == "IQ"]
    compared = [each.release_sha256 for each in opened if each.state_sha256 == present.sha256]
    return Installed(present.lines, present.sha256, compared[-1] if compared else _NOT_COMPARED)


def locked_in(validation: Validation) -> frozenset[str]:
    """Names of the distributions that the qualified state was locked with; none where no state is qualified."""
    from nesqc_gmp.installation.lines import Line
    from nesqc_gmp.installation.state import locked_names

    if validation.qualified is None:
        return frozenset()
    return locked_names([Line(x.group, x.name, x.value) for x in validation.qualified.lines])  # type: ignore[arg-type]


def _due(site: Site, validation: Validation) -> bool:
    if validation.verified_at is None:
        return True
    age = site.moment() - datetime.fromisoformat(validation.verified_at)
    # A clock that was set back makes no digest younger.
    return not timedelta(0) <= age < FULL_HASH_EVERY


def require_validated(reader: Reader, present: PresentState | None, model_sha256: str | None, act: str) -> None:
    """An act that needs the validated state has it.

    Args:
        reader: The ledger.
        present: What ``present_for_use`` gave.
        model_sha256: The package that the act rests on.
        act: The act, in words.

    Raises:
        NotQualifiedError: It has not; names what differs or is missing.
    """
    if present is not None:
        require_qualified(load_qualified(reader), present.lines, present.sha256, model_sha256, act)
