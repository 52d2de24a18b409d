"""The typefaces of a certificate: IBM Plex Sans and Mono (SIL Open Font License 1.1), embedded in every file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.base import Frozen

REGULAR: Final = "IBMPlexSans-Regular"
MEDIUM: Final = "IBMPlexSans-Medium"
BOLD: Final = "IBMPlexSans-SemiBold"
MONO: Final = "IBMPlexMono-Regular"
_FOLDER: Final = Path(__file__).parent / "fonts"
_FILES: Final = {
    REGULAR: "IBMPlexSans_400Regular.ttf",
    MEDIUM: "IBMPlexSans_500Medium.ttf",
    BOLD: "IBMPlexSans_600SemiBold.ttf",
    MONO: "IBMPlexMono_400Regular.ttf",
}


def font_file(name: str) -> Path:
    """The file of a typeface, for pictures with words."""
    return _FOLDER / _FILES[name]


@cache
def register() -> frozenset[int]:
    """Make the typefaces known to the page engine; returns the code points all three weights of Plex Sans draw."""
    shared: frozenset[int] | None = None
    for name, file_name in _FILES.items():
        font = TTFont(name, str(_FOLDER / file_name))
        pdfmetrics.registerFont(font)
        if name != MONO:
            drawn = frozenset(code for code, glyph in font.face.charToGlyph.items() if glyph)
            shared = drawn if shared is None else shared & drawn
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    return shared or frozenset()


def printable(text: str) -> str:
    """The form that is drawn: composed letters (NFC), line ends as they are."""
    return unicodedata.normalize("NFC", text)


def drawn_or_named(text: str) -> str:
    """The same text, with every character that the typefaces cannot draw as its code point in brackets.

    For texts that nobody here wrote, such as what a program printed: nothing of them is lost without a trace.
    """
    drawn = register()
    return re.sub(
        r"(.)\1*",
        lambda run: run[0] if ord(run[1]) in drawn or run[1] in " \t\n" else _named(run[1], len(run[0])),
        printable(text),
        flags=re.DOTALL,
    )


def _named(character: str, count: int) -> str:
    return f"[U+{ord(character):04X}{f' × {count}' if count > 1 else ''}]"


def check_drawable(content: Frozen) -> None:
    """Refuse a content with a character the typefaces cannot draw: an empty box is not a printed name.

    Raises:
        InvalidInputError: Names the field and the character.
    """
    drawn = register()
    for where, text in _texts(content.model_dump(), ""):
        for character in printable(text):
            if ord(character) not in drawn and character != "\n":
                name = unicodedata.name(character, "no name")
                raise InvalidInputError(
                    f"The certificate cannot print U+{ord(character):04X} ({name}).",
                    where=where,
                    remedy="Write it in Latin, Greek or Cyrillic letters.",
                )


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{where}.{key}" if where else key)
    elif isinstance(value, (tuple, list)):
        for number, item in enumerate(value, start=1):
            yield from _texts(item, f"{where}[{number}]")
