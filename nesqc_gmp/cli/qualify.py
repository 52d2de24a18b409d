"""``nesqc qualify``: what shows that the installed software does what was asked of it."""

from __future__ import annotations

from nesqc_gmp.cli.qualify_matrix import matrix
from nesqc_gmp.cli.run import noun

app = noun(
    """Qualification: what shows that the installed software does what was asked of it.

    \b
    Example:
      nesqc qualify matrix --out matrix --results results.json
    """
)

app.command()(matrix)


@app.callback()
def _group() -> None:
    pass
