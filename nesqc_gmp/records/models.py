"""The manifest of a locked model package: every part by digest, thresholds, and what the model is for."""

from __future__ import annotations

from typing import Literal

from nesqc_gmp.records.base import DecimalText, Frozen, Identifier, Sha256, Text
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.signatures import ElectronicSignature


class PackagePart(Frozen):
    """One file of a package: path inside the folder (forward slashes), size in bytes, digest."""

    path: str
    byte_length: int
    sha256: Sha256


class RuntimeSettings(Frozen):
    """Settings of the session, fixed at lock and applied as they stand.

    Attributes:
        provider: Execution provider of onnxruntime.
        threads: Threads a session.
        graph_optimisation: Level of graph optimisation.
        deterministic: Ask for deterministic compute.
        onnxruntime: The version with which the golden outputs were made.
    """

    provider: Literal["CPUExecutionProvider"]
    threads: Literal[1]
    graph_optimisation: Literal["EXTENDED"]
    deterministic: Literal[True]
    onnxruntime: str


class ModelManifest(Frozen):
    """Everything that decides about a score, in one file whose digest names the package.

    Attributes:
        version: Version of this format.
        name: Name of the model.
        model_version: Version of the model.
        demonstration: Whether the model is for demonstration only; then nothing made with it is for GMP use.
        intended_use: What the model is for, and what it is not for.
        training_data: On what it was trained.
        labels: Labels in the order of the output; index 1 is *conforming*.
        conforming_from: Scores at or above this are conforming.
        not_conforming_below: Scores below this are not conforming; between the two, undecided.
        score_decimals: Decimals to which a score is rounded before anything is decided.
        calibration_temperature: Temperature that divides the logit inside the graph.
        distance_limit: Largest distance inside the input sample space.
        statistics_mean: Mean of the image statistics over the development images.
        statistics_precision: Inverse covariance of the same, row by row.
        statistics_limit: Largest statistics distance inside the input sample space.
        input_space: The input sample space.
        runtime: Settings of the session.
        parts: Every other file of the package.
    """

    version: Literal[1]
    name: Identifier
    model_version: Identifier
    demonstration: bool
    intended_use: Text
    training_data: Text
    labels: tuple[str, str]
    conforming_from: DecimalText
    not_conforming_below: DecimalText
    score_decimals: int
    calibration_temperature: DecimalText
    distance_limit: DecimalText
    statistics_mean: tuple[DecimalText, ...]
    statistics_precision: tuple[tuple[DecimalText, ...], ...]
    statistics_limit: DecimalText
    input_space: InputSpace
    runtime: RuntimeSettings
    parts: tuple[PackagePart, ...]


class ModelInstalled(Frozen):
    """A locked package was brought to the site; it cannot run before it is approved and active.

    Attributes:
        model_sha256: Digest of the package's manifest.
        manifest: The manifest itself.
        self_test: Outcome of the golden run at installation.
    """

    kind: Literal["model_installed"] = "model_installed"
    model_sha256: Sha256
    manifest: ModelManifest
    self_test: Text


class ModelApproved(Frozen):
    """A package may be activated."""

    kind: Literal["model_approved"] = "model_approved"
    model_sha256: Sha256
    signature: ElectronicSignature


class ModelActivated(Frozen):
    """A package may run."""

    kind: Literal["model_activated"] = "model_activated"
    model_sha256: Sha256
    signature: ElectronicSignature


class ModelRetired(Frozen):
    """A package may no longer run."""

    kind: Literal["model_retired"] = "model_retired"
    model_sha256: Sha256
    signature: ElectronicSignature
