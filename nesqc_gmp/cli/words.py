"""Words for what a person typed wrong: from the rule a field broke to what to type instead."""

from __future__ import annotations

from typing import Any, Final

from nesqc_gmp.records import base


def _pattern(annotated: Any) -> str:
    return str(annotated.__metadata__[0].pattern)


_PATTERNS: Final = {
    _pattern(base.Identifier): "Use letters, digits, point, hyphen and underscore, at most 64; begin with a letter or "
    "digit.",
    _pattern(base.DateText): "Write the date as YYYY-MM-DD.",
    _pattern(base.DecimalText): "Write a plain decimal number, such as 0.85.",
    _pattern(base.Sha256): "Write 64 lower-case hexadecimal digits.",
}


def remedy_for(problem: dict[str, Any]) -> str:
    """What to type instead, for one problem as pydantic lists it."""
    context = problem.get("ctx", {})
    match problem["type"]:
        case "string_pattern_mismatch":
            return _PATTERNS.get(str(context["pattern"]), "Leave out line breaks and control characters.")
        case "string_too_short":
            return f"Write at least {context['min_length']} characters."
        case "string_too_long":
            return f"Write at most {context['max_length']} characters."
        case _:
            return "Correct this value and repeat the command."
