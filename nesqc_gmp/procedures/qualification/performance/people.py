"""People and procedures: what the tester states is compared with the access list; a missing reference is no result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from nesqc_gmp.procedures.qualification.performance.material import Found, Material, some
from nesqc_gmp.records.people import FOUNDING, Role
from nesqc_gmp.records.performance import PeopleCase, ProceduresCase
from nesqc_gmp.state.people import Person


def judge_people(case: PeopleCase, material: Material, values: Mapping[str, str]) -> tuple[Found, ...]:
    """For each role: an active person holds it today, under the training record that was named, by a procedure."""
    return tuple(_holder(role, material, values) for role in case.roles)


def _holder(role: Role, material: Material, values: Mapping[str, str]) -> Found:
    holders = [p.id for p in material.people.values() if p.standing == "active" and role in p.roles(material.today)]
    if not holders:
        return Found("failed", "No active person holds the role today")
    stated = {name: values.get(f"{role} {name}", "") for name in ("person", "training", "SOP")}
    missing = [name for name, text in stated.items() if not text]
    if missing:
        return Found("not executed", f"Not stated: {', '.join(missing)}; the role is held by {some(holders)}")
    for name in ("training", "SOP"):
        if not is_reference(stated[name]):
            return Found("not executed", f"{stated[name]!r} is no reference of a {_WORDS[name]}: a number is missing")
    person = material.people.get(stated["person"])
    wrong = _wrong(role, person, stated["training"], material.today)
    named = f"{stated['person']}, training {stated['training']}, procedure {stated['SOP']}"
    if wrong or person is None:
        return Found("failed", f"{named}: {wrong}")
    founder = any(grant.role == role and grant.training_reference == FOUNDING for grant in person.grants)
    known = "as the tester states; the role was given by the founding" if founder else "as in the access list"
    return Found("passed", f"{person.name} ({named}), training {known}; the role is held by {some(holders)}")


_WORDS = {"training": "training record", "SOP": "procedure"}


def _wrong(role: Role, person: Person | None, training: str, today: str) -> str:
    """What the access list has against it, empty where nothing."""
    if person is None:
        return "nobody has this id"
    if person.standing != "active":
        return f"the account is {person.standing}"
    grant = next((grant for grant in person.grants if grant.role == role), None)
    if grant is None:
        return "this person does not hold the role"
    if role not in person.roles(today):
        return f"the training ended on {grant.expires_on}"
    # Founders hold their first role by the founding, before there was anybody to look at a training record.
    if grant.training_reference not in {training, FOUNDING}:
        return f"the role was granted under the training record {grant.training_reference}"
    return ""


def judge_procedures(case: ProceduresCase, values: Mapping[str, str]) -> tuple[Found, ...]:
    """For each step of the process: number and version of the procedure of the site."""
    return tuple(_reference(covered.name, values) for covered in case.covered)


def _reference(name: str, values: Mapping[str, str]) -> Found:
    number, version = values.get(f"{name} SOP", ""), values.get(f"{name} version", "")
    for what, text in (("number", number), ("version", version)):
        if not is_reference(text):
            said = f"{text!r} is none" if text else "nothing was stated"
            return Found("not executed", f"The {what} of the procedure is missing: {said}")
    return Found("passed", f"Procedure {number}, version {version}")


def is_reference(text: str) -> bool:
    """Whether a text can be the number or version of a document: it holds a digit, which *none* or *n/a* do not."""
    return any(character.isdecimal() for character in text)


def is_day(text: str) -> bool:
    """Whether a text is a calendar day."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
