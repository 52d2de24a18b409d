"""The files of a traceability matrix: one for the eye on paper, one for a browser, one for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.procedures.files import require_new
from nesqc_gmp.qualification.matrix import Matrix, matrix_content
from nesqc_gmp.qualification.matrix_document import matrix_document

NAME: Final = "traceability-matrix"


def write_matrix(matrix: Matrix, folder: Path) -> tuple[Path, ...]:
    """Write PDF, HTML and JSON into a new folder; returns the files.

    Raises:
        InvalidInputError: The folder is there already, or cannot be made.
    """
    from nesqc_gmp.reports.html import render_html
    from nesqc_gmp.reports.pdf import render_pdf

    document = matrix_document(matrix)
    files = {
        ".pdf": render_pdf(document),
        ".html": render_html(document).encode("utf-8"),
        ".json": canonical_json(matrix_content(matrix)) + b"\n",
    }
    require_new(folder)
    folder.mkdir()
    for suffix, content in files.items():
        (folder / f"{NAME}{suffix}").write_bytes(content)
    return tuple(folder / f"{NAME}{suffix}" for suffix in files)
