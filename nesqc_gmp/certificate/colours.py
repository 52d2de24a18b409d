"""The colours of the outcomes in every chart of a certificate or report: one meaning each, wherever they stand."""

from __future__ import annotations

from typing import Final

from nesqc_gmp.records.images import Outcome

CHART_COLOURS: Final[dict[Outcome, str]] = {
    "conforming": "#0c3b5e",
    "undecided": "#e0a73a",
    "not conforming": "#c2474d",
}
"""Apart for colour-blind people, and in grey: dark, light, and between the two."""
