"""Model packages and their standing, folded from the records about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from nesqc_gmp.errors import ModelRefusedError, NotAuthorisedError, NotFoundError, OutOfSequenceError
from nesqc_gmp.modelpack.layout import MODEL, golden_image, golden_output
from nesqc_gmp.records import models as records
from nesqc_gmp.records.base import Identifier
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.feature_review import FeaturesReviewed
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.intended_use import IntendedUse, IntendedUseSigned
from nesqc_gmp.records.models import ModelManifest

Standing = Literal["installed", "approved", "active", "retired"]


@dataclass(frozen=True, slots=True)
class SignedUse:
    """An intended use as an expert signed it."""

    index: int
    person: str
    name: str
    signed_at: str
    reason: str | None
    intended_use: IntendedUse


@dataclass(frozen=True, slots=True)
class FeatureReview:
    """A review of features as an expert signed it; ``reason`` says why, where it was not the first of the package."""

    index: int
    person: str
    name: str
    signed_at: str
    reason: str | None
    reviewed: FeaturesReviewed


@dataclass(frozen=True, slots=True)
class ModelState:
    """One installed package.

    Attributes:
        model_sha256: Digest of the package's manifest.
        manifest: The manifest.
        installed_by: Who installed it.
        standing: Where it stands.
        intended_uses: Every intended use that was signed, the last one in force.
        feature_reviews: Every signed review of features.
    """

    model_sha256: str
    manifest: ModelManifest
    installed_by: Identifier
    standing: Standing = "installed"
    intended_uses: tuple[SignedUse, ...] = ()
    feature_reviews: tuple[FeatureReview, ...] = ()

    @property
    def label(self) -> str:
        """Name and version for the eye."""
        return f"{self.manifest.name} {self.manifest.model_version}"

    @property
    def network_sha256(self) -> str:
        """Digest of the bytes of its ``model.onnx``."""
        return next(part.sha256 for part in self.manifest.parts if part.path == MODEL)

    @property
    def golden_outputs(self) -> dict[tuple[str, str], str]:
        """Digest of each golden output, by the digest of the golden image and the name of the output."""
        digests = {part.path: part.sha256 for part in self.manifest.parts}
        return {
            (digests[golden_image(name)], output): digests[golden_output(name, output)]
            for name in self.manifest.golden
            for output in self.manifest.graph.outputs
        }

    @property
    def intended_use(self) -> SignedUse | None:
        """The intended use that holds: the last one signed."""
        return self.intended_uses[-1] if self.intended_uses else None

    @property
    def input_space(self) -> InputSpace:
        """The input sample space: that of the signed intended use, else that of the package."""
        use = self.intended_use
        return self.manifest.input_space if use is None else use.intended_use.input_space


Models = dict[str, ModelState]


def fold_models(entries: Iterable[Entry]) -> Models:
    """All packages by digest, from the entries about models."""
    found: Models = {}
    for entry in entries:
        match entry.record:
            case records.ModelInstalled(model_sha256=digest, manifest=manifest):
                found[digest] = ModelState(digest, manifest, entry.actor.person)
            case IntendedUseSigned(model_sha256=digest, intended_use=use):
                actor = entry.actor
                signed = SignedUse(entry.index, actor.person, actor.name, entry.time.local, entry.reason, use)
                found[digest] = replace(found[digest], intended_uses=(*found[digest].intended_uses, signed))
            case FeaturesReviewed(model_sha256=digest) as reviewed:
                actor = entry.actor
                review = FeatureReview(entry.index, actor.person, actor.name, entry.time.local, entry.reason, reviewed)
                found[digest] = replace(found[digest], feature_reviews=(*found[digest].feature_reviews, review))
            case records.ModelApproved(model_sha256=digest):
                found[digest] = replace(found[digest], standing="approved")
            case records.ModelActivated(model_sha256=digest):
                found[digest] = replace(found[digest], standing="active")
            case records.ModelRetired(model_sha256=digest):
                found[digest] = replace(found[digest], standing="retired")
            case _:
                continue
    return found


def get(models: Models, name: str) -> ModelState:
    """One package by digest, by the first digits of it, or by ``name:version``.

    Raises:
        NotFoundError: None or more than one fits.
    """
    fitting = [
        model
        for digest, model in models.items()
        if (len(name) >= 8 and digest.startswith(name))
        or name == f"{model.manifest.name}:{model.manifest.model_version}"
    ]
    if len(fitting) != 1:
        what = "no installed model fits" if not fitting else "more than one installed model fits"
        raise NotFoundError(what, where=name, remedy="Give the digest; see `nesqc models list`.")
    return fitting[0]


def require(model: ModelState, standing: Standing, act: str) -> None:
    """A package stands where an act needs it.

    Raises:
        OutOfSequenceError: It does not.
    """
    if model.standing != standing:
        raise OutOfSequenceError(
            f"cannot {act} a model that is {model.standing}; it has to be {standing}",
            where=model.label,
            remedy=_NEXT[model.standing],
        )


_NEXT: dict[Standing, str] = {
    "installed": "QA approves it first with `nesqc models approve`.",
    "approved": "It is approved already; `nesqc models activate` puts it into use.",
    "active": "It is in use already; `nesqc models retire` takes it out of use.",
    "retired": "A retired package stays retired; install another version.",
}
"""What can be done next with a package of a standing."""


def require_active(models: Models, digest: str) -> ModelState:
    """The package that a specification names, which has to be active to run.

    Raises:
        ModelRefusedError: It is not installed, not approved or not active.
    """
    model = models.get(digest)
    if model is None or model.standing != "active":
        standing = "not installed" if model is None else model.standing
        raise ModelRefusedError(
            f"the model that the specification names is {standing}, not active",
            where=digest[:16],
            remedy="QA approves and activates it with `nesqc models`.",
        )
    return model


def require_another(model: ModelState, person: str, act: str) -> None:
    """Who judges a package is not who brought it.

    Raises:
        NotAuthorisedError: The person installed it.
    """
    if model.installed_by == person:
        raise NotAuthorisedError(f"nobody {act} a model they installed", where=model.label)
