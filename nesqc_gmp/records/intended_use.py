"""What a model is for, in the words of the expert who answers for it (EU GMP Annex 22 draft 3.1, 3.2).

Written as TOML by the subject matter expert and kept in full in the log. Every text is one visible line, so that the
statement shows it as it is signed.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from nesqc_gmp.records.base import Frozen, Line, Sha256
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.signatures import ElectronicSignature

MOST_LINES: Final = 30
"""Most lines of one list."""

Lines = Annotated[tuple[Line, ...], Field(min_length=1, max_length=MOST_LINES)]
"""One line or more, in the order in which they were written."""

Passage = Annotated[int, Field(ge=0, le=200)]
"""Passage number of a culture."""


class Subgroup(Frozen):
    """A subgroup of images for which the model is to be judged on its own (EU GMP Annex 22 draft 3.2).

    Attributes:
        name: The trait that makes the subgroup, such as ``late passages``.
        why: Why images of it could be judged differently.
    """

    name: Line
    why: Line


class IntendedUse(Frozen):
    """The intended use and the input sample space of one model package.

    Attributes:
        purpose: What is to be found out with the model.
        output_use: What the model's output is used for.
        operator_task: What the operator does with the output.
        population: Patient population or product for which it is used.
        cell_type: Cells the images show.
        passage_min: Lowest passage number.
        passage_max: Highest passage number.
        instruments: Microscopes and cameras.
        objectives: Objectives.
        staining: Staining, or that there is none.
        limitations: What the model cannot do.
        biases: Known biases of the model and of the images it was made from.
        subgroups: Image subgroups that matter.
        undecided_images: How undecided images are handled.
        refused_images: How images outside the input sample space are handled.
        responsible: Who is responsible for the use: function and name.
        input_space: The input sample space, nowhere wider than the one locked in the package.
    """

    purpose: Line
    output_use: Line
    operator_task: Line
    population: Line
    cell_type: Line
    passage_min: Passage
    passage_max: Passage
    instruments: Lines
    objectives: Lines
    staining: Line
    limitations: Lines
    biases: Lines
    subgroups: Annotated[tuple[Subgroup, ...], Field(min_length=1, max_length=MOST_LINES)]
    undecided_images: Line
    refused_images: Line
    responsible: Line
    input_space: InputSpace

    @model_validator(mode="after")
    def _passages_in_order(self) -> Self:
        if self.passage_min > self.passage_max:
            raise ValueError("passage_min is above passage_max")
        return self

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Everything it says, as labels and one-line texts in a fixed order; none is longer than a field is."""
        return (
            ("Purpose", self.purpose),
            ("Use of the output", self.output_use),
            ("Task of the operator", self.operator_task),
            ("Patients or product", self.population),
            ("Cell type", self.cell_type),
            ("Passages", f"{self.passage_min} to {self.passage_max}"),
            *(("Instrument", text) for text in self.instruments),
            *(("Objective", text) for text in self.objectives),
            ("Staining", self.staining),
            *(("Known limitation", text) for text in self.limitations),
            *(("Known bias", text) for text in self.biases),
            *(line for group in self.subgroups for line in (("Subgroup", group.name), ("Because", group.why))),
            ("Undecided images", self.undecided_images),
            ("Refused images", self.refused_images),
            ("Responsible", self.responsible),
            *((f"Input space, {name}", value) for name, value in self.input_space.lines()),
        )


class IntendedUseSigned(Frozen):
    """The expert signed what an installed package is for; the last one signed holds, earlier ones stay visible.

    Attributes:
        model_sha256: Digest of the package's manifest.
        intended_use: The whole content.
        signature: Signature of the expert.
    """

    kind: Literal["intended_use_signed"] = "intended_use_signed"
    model_sha256: Sha256
    intended_use: IntendedUse
    signature: ElectronicSignature
