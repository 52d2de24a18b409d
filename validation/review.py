"""Show requirements with what cites them; with ``--accept`` record that the present text was reviewed.

::

    python validation/review.py UR-AUDIT-03
    python validation/review.py UR-AUDIT-03 --accept
    python validation/review.py UR-AUDIT-03 --accept --tests

``--accept`` writes the new fingerprint into the file of the requirement only: each test and case was compared with
an older text, and is compared by a person again. ``--tests`` writes it there too, after everything was printed.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from nesqc_gmp.errors import NesqcError, NotFoundError
from nesqc_gmp.qualification.citations import Citation
from nesqc_gmp.qualification.requirements import FOLDER, Requirement
from nesqc_gmp.qualification.traceability import Trace, read_trace

VALIDATION = Path(__file__).resolve().parent


def main(words: list[str] | None = None, validation: Path = VALIDATION) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("requirement", nargs="+", help="id of a requirement, such as UR-AUDIT-03")
    parser.add_argument("--accept", action="store_true", help="the present text was reviewed")
    parser.add_argument("--tests", action="store_true", help="tests and cases were compared with it, too")
    asked = parser.parse_args(words)
    if asked.tests and not asked.accept:
        parser.error("--tests goes with --accept")
    try:
        trace = read_trace(validation)
        found = [_find(trace, each) for each in asked.requirement]
        for requirement in found:
            show(requirement, trace)
        for requirement in found if asked.accept else []:
            accept(requirement, validation)
            for citation in trace.by_requirement[requirement.id] if asked.tests else ():
                compared(requirement, citation, validation)
    except NesqcError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _find(trace: Trace, name: str) -> Requirement:
    for requirement in trace.requirements:
        if requirement.id == name:
            return requirement
    raise NotFoundError("there is no such requirement", where=name, remedy=f"Look into validation/{FOLDER}.")


def show(requirement: Requirement, trace: Trace) -> None:
    """Print a requirement, its sources, and each test and case that cites it."""
    risk = requirement.risk
    state = "reviewed" if requirement.reviewed == requirement.fingerprint else f"NOT REVIEWED ({requirement.reviewed})"
    print(f"{requirement.id}  {requirement.fingerprint}  {state}")
    print(f"  {requirement.shall}\n  because  {requirement.rationale}")
    print(
        f"  risk     {risk.harm}: severity {risk.severity}, likelihood {risk.likelihood}, "
        f"detectability {risk.detectability}; priority {risk.priority}"
    )
    for clause in (each for each in trace.clauses.clauses if each.id in requirement.sources):
        print(f"  source   {clause.id}: {clause.asks}")
    for citation in trace.by_requirement[requirement.id]:
        old = "" if citation.reviewed == requirement.fingerprint else f"  COMPARE AGAIN ({citation.reviewed})"
        attacks = "  attacks" if citation.negative else ""
        print(f"  {citation.kind:<8} {citation.source} ({citation.place}){attacks}{old}")


def accept(requirement: Requirement, validation: Path) -> None:
    """Write the fingerprint of the present text into the file of the requirement."""
    file = validation / FOLDER / requirement.noun / f"{requirement.id}.toml"
    _replace(file, r'^reviewed = "[0-9a-f]{8}"$', f'reviewed = "{requirement.fingerprint}"')


def compared(requirement: Requirement, citation: Citation, validation: Path) -> None:
    """Write the fingerprint of the present text where a test or case cites it."""
    file = validation.parent / citation.place.split(", line ")[0]
    if citation.kind == "test":
        _replace(
            file, rf'(mark\.requirement\(\s*"{requirement.id}",\s*reviewed=)"[0-9a-f]*"',
            rf'\1"{requirement.fingerprint}"',
        )  # fmt: skip
        return
    pair = f'{requirement.id} = "{requirement.fingerprint}"'
    if citation.reviewed is not None:
        _replace(file, rf'{requirement.id} = "[0-9a-f]{{8}}"', pair)
    elif re.search(r"^reviewed = \{", file.read_text("utf-8"), re.MULTILINE):
        _replace(file, r"^reviewed = \{ ?", f"reviewed = {{ {pair}, ")
    else:
        _replace(file, r"^requirements = ", f"reviewed = {{ {pair} }}\nrequirements = ")


def _replace(file: Path, pattern: str, new: str) -> None:
    text = file.read_text("utf-8")
    changed, times = re.subn(pattern, new, text, flags=re.MULTILINE)
    if not times:
        raise NotFoundError("the place of the fingerprint was not found", where=str(file), remedy="Write it by hand.")
    file.write_text(changed, "utf-8")
    print(f"written  {file}")


if __name__ == "__main__":
    sys.exit(main())
