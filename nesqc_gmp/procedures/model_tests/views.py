"""Looking at the plans and tests of a package."""

from __future__ import annotations

from nesqc_gmp.procedures.model_tests.running import recover
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.state.model_tests import NO_TESTS, PackageTests, fold_tests
from nesqc_gmp.state.models import ModelState, fold_models, get


def tests(session: Session, name: str) -> tuple[ModelState, PackageTests]:
    """A package with its plans and tests; an interrupted test is closed first.

    Raises:
        NotFoundError: No installed package fits the name.
    """
    with session.viewing("models.show") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256
    recover(session.site, digest)
    with session.viewing("models.show") as reader:
        model = fold_models(reader.entries_about("model"))[digest]
        return model, fold_tests(reader.entries("model", digest)).get(digest, NO_TESTS)
