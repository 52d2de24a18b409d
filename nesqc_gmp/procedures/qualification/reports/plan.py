"""The validation plan: its text is data of the release, its facts are the site's.

Placeholders in braces are filled with what the site says of itself; one that a site for GMP use leaves empty refuses
the plan, and one that another site leaves empty is printed as open.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.procedures.qualification.reports.common import how_to_check, numbered, signatures
from nesqc_gmp.procedures.qualification.reports.content import DocumentLine, SiteLines
from nesqc_gmp.records.base import Frozen
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.reports.document import Block, Document, Facts, Heading, Paragraph, Table

_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_OPEN: Final = "[to be filled in by the site: {}]"


class PlanTable(Frozen):
    """A table of a section."""

    head: tuple[str, ...] = Field(min_length=1)
    rows: tuple[tuple[str, ...], ...]


class PlanSection(Frozen):
    """A section: what it is about, its paragraphs, then its tables."""

    id: str
    heading: str
    paragraphs: tuple[str, ...]
    tables: tuple[PlanTable, ...] = ()


class PlanContent(Frozen):
    """What a plan says, with the facts of the site filled in.

    Attributes:
        facts: What the site says of itself, by name.
        open: Names of facts that it has not given.
        sections: The text.
    """

    format: Literal["nesqc validation plan v1"] = "nesqc validation plan v1"
    title: str
    facts: tuple[tuple[str, str], ...]
    open: tuple[str, ...]
    sections: tuple[PlanSection, ...]


def read_plan(text: str, given: Mapping[str, str], site: SiteLines) -> PlanContent:
    """The plan of a site.

    Args:
        text: ``validation/plan.toml``.
        given: What the site says, by the names of the table ``site`` of the file.
        site: The site, as its log was founded.

    Raises:
        InvalidInputError: The text is not a plan, a name is unknown, or a site for GMP use leaves a fact open.
    """
    try:
        value: dict[str, Any] = tomllib.loads(text)
        asked: dict[str, str] = value["site"]
        raw = [PlanSection.model_validate(each, strict=False) for each in value["sections"]]
    except (tomllib.TOMLDecodeError, KeyError, ValidationError) as error:
        raise InvalidInputError(f"this is no validation plan: {error}"[:400], where="validation plan") from error
    unknown = sorted(set(given) - set(asked))
    if unknown:
        raise InvalidInputError("the plan has no such fact", where=", ".join(unknown))
    facts = {name: given.get(name, "").strip() for name in asked}
    missing = tuple(name for name, fact in facts.items() if not fact)
    if missing and site.purpose == "production":
        raise InvalidInputError(
            f"the plan of a site for GMP use leaves nothing open: {'; '.join(asked[name] for name in missing)}",
            where=", ".join(missing),
            remedy="Give each fact in the file of the site's facts.",
        )
    words = {name: fact or _OPEN.format(asked[name]) for name, fact in facts.items()}
    words |= {"site_name": site.name, "site_address": site.address, "site_authorisation": site.authorisation}
    words |= {"software": site.software, "purpose": site.purpose}
    return PlanContent(
        title=_filled(value["title"], words),
        facts=tuple((asked[name], facts[name] or "not given") for name in asked),
        open=missing,
        sections=tuple(_filled_section(section, words) for section in raw),
    )


def _filled(text: str, words: Mapping[str, str]) -> str:
    """The text with every placeholder filled.

    Raises:
        InvalidInputError: A placeholder has no name among the facts.
    """
    unknown = sorted(set(_PLACE.findall(text)) - set(words))
    if unknown:
        raise InvalidInputError(f"the plan names a fact that is not asked: {', '.join(unknown)}", where=text[:60])
    return _PLACE.sub(lambda place: words[place[1]], text)


def _filled_section(section: PlanSection, words: Mapping[str, str]) -> PlanSection:
    return PlanSection(
        id=section.id,
        heading=section.heading,
        paragraphs=tuple(_filled(each, words) for each in section.paragraphs),
        tables=tuple(
            PlanTable(head=table.head, rows=tuple(tuple(_filled(cell, words) for cell in row) for row in table.rows))
            for table in section.tables
        ),
    )


def document(site: SiteLines, line: DocumentLine, content: PlanContent, approval: Statement | None) -> Document:
    """The plan.

    Args:
        site: The site.
        line: Number, title and signatures of the document.
        content: Its text.
        approval: The statement that QA signs; ``None`` before.
    """
    still = f" {len(content.open)} facts of the site are not given yet." if content.open else ""
    sentence = "This plan is approved." if approval else "This plan is not approved: no protocol may rest on it yet."
    return numbered(
        content,
        site,
        kind="Validation plan No.",
        number=line.number,
        notes=(),
        title=content.title,
        subtitle=line.title,
        conclusion=(
            "APPROVED" if approval else "NOT APPROVED",
            "good" if approval and not content.open else "open",
            (
                f"{sentence}{still}",
                "It says what is validated, how deep, by whom, and when it counts as done. A plan validates nothing: "
                "the protocols, their reports and the summary report do.",
            ),
        ),
        facts=(
            ("Purpose of the site", site.purpose),
            ("Software", site.software),
            ("Facts of the site not given", str(len(content.open))),
            ("Origin of the log", site.origin),
        ),
        blocks=(
            *signatures((line.prepared,), ("Prepared",), approval),
            Heading("Facts of the site"),
            Facts(tuple((f"{name[:1].upper()}{name[1:]}", value) for name, value in content.facts)),
            *_sections(content),
            *how_to_check(),
        ),
        approval=approval,
    )


def _sections(content: PlanContent) -> Iterator[Block]:
    for number, section in enumerate(content.sections, start=1):
        yield Heading(f"{number} {section.heading}")
        yield from (Paragraph(each) for each in section.paragraphs)
        yield from (Table(table.head, table.rows) for table in section.tables)
