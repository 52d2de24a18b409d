"""The specification of a product: its tests, acceptance criteria, sampling plan and input sample space."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from nesqc_gmp.records.base import DecimalText, Frozen, Identifier, Sha256, Text
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.signatures import ElectronicSignature

ShareText = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$")]
"""A share between 0 and 1 as decimal text."""

PositiveText = Annotated[
    str, StringConstraints(pattern=r"^(0\.[0-9]{0,5}[1-9][0-9]{0,5}|[1-9][0-9]{0,5}(\.[0-9]{1,6})?)$")
]
"""A number above 0 as decimal text."""


class MorphologyTest(Frozen):
    """The image test by the locked model.

    Attributes:
        test: Id of the test.
        name: Printed name.
        sop: Number and version of the procedure.
        model: Name of the model package.
        model_version: Its version.
        model_sha256: Its digest: no other package is run for this specification.
        conforming_share_min: Smallest share of valid images of a culture that must be conforming.
        rejected_share_max: Largest share of all images that may fail the input check.
        valid_images_min: Fewest valid images of a culture.
        undecided_images: ``two readings``: an undecided image counts as conforming only where two different people
            read it as conforming; ``count``: it stays undecided.
        reading: Whether every image must be read by a person before the batch is submitted.
        heterogeneity_max: Largest heterogeneity of appearance of a culture, which its upper confidence bound may not
            exceed; absent: no limit.
    """

    kind: Literal["morphology"]
    test: Identifier
    name: Text
    sop: Text
    model: Identifier
    model_version: Identifier
    model_sha256: Sha256
    conforming_share_min: ShareText
    rejected_share_max: ShareText
    valid_images_min: int = Field(ge=1, le=10000)
    undecided_images: Literal["two readings", "count"]
    reading: Literal["every image", "undecided images"]
    heterogeneity_max: PositiveText | None = Field(default=None, exclude_if=lambda limit: limit is None)

    @property
    def heterogeneity_limit(self) -> str:
        """The limit in words."""
        return "no limit" if self.heterogeneity_max is None else f"upper bound at most {self.heterogeneity_max}"


class ManualTest(Frozen):
    """A test done elsewhere, whose result a person records with evidence and a second person verifies.

    Attributes:
        test: Id of the test.
        name: Printed name.
        method: Method.
        sop: Number and version of the procedure.
        criterion: Acceptance criterion in words.
        minimum: Smallest conforming value, for a number.
        maximum: Largest conforming value, for a number.
        expected: The one conforming result, for a result in words.
        unit: Unit of the number, or empty.
    """

    kind: Literal["manual"]
    test: Identifier
    name: Text
    method: Text
    sop: Text
    criterion: Text
    minimum: DecimalText | None = None
    maximum: DecimalText | None = None
    expected: Text | None = None
    unit: str = Field(default="", max_length=40)

    @model_validator(mode="after")
    def _one_kind_of_criterion(self) -> ManualTest:
        numeric = self.minimum is not None or self.maximum is not None
        if numeric == (self.expected is not None):
            raise ValueError("give either minimum and/or maximum, or expected")
        return self


ReleaseTest = Annotated[MorphologyTest | ManualTest, Field(discriminator="kind")]


class SamplingPlan(Frozen):
    """How many cultures and fields a batch must bring, fixed before any score.

    Attributes:
        cultures_min: Fewest cultures.
        fields_min: Fewest fields of each culture.
        description: How fields are chosen.
    """

    cultures_min: int = Field(ge=1, le=1000)
    fields_min: int = Field(ge=1, le=10000)
    description: Text


class Specification(Frozen):
    """One version of the specification of one product.

    Attributes:
        product: Product code.
        version: Version, counted from 1.
        name: Name of the product.
        form: Pharmaceutical form.
        strength: Strength and pack.
        storage: Storage condition.
        authorisation: Marketing authorisation or trial number.
        retention_years: Years for which records are kept (Reg. (EC) 1394/2007 Art. 15: 30 years).
        not_covered: The release tests of the product that are not covered here, as words of a list.
        tests: Every test of this specification; exactly one morphology test.
        sampling: The sampling plan.
        input_space: The input sample space.
    """

    product: Identifier
    version: int = Field(ge=1)
    name: Text
    form: Text
    strength: Text
    storage: Text
    authorisation: Text
    retention_years: int = Field(ge=1, le=100)
    not_covered: Text
    tests: tuple[ReleaseTest, ...] = Field(min_length=1, max_length=40)
    sampling: SamplingPlan
    input_space: InputSpace

    @model_validator(mode="after")
    def _tests_are_named_once(self) -> Specification:
        names = [test.test for test in self.tests]
        if len(set(names)) != len(names):
            raise ValueError("two tests have the same id")
        if sum(isinstance(test, MorphologyTest) for test in self.tests) != 1:
            raise ValueError("a specification has exactly one morphology test")
        return self

    @property
    def identifier(self) -> str:
        """Product code and version, e.g. ``NES-01.v2``."""
        return f"{self.product}.v{self.version}"

    @property
    def morphology(self) -> MorphologyTest:
        """The image test."""
        return next(test for test in self.tests if isinstance(test, MorphologyTest))

    @property
    def manual(self) -> tuple[ManualTest, ...]:
        """The tests recorded by people."""
        return tuple(test for test in self.tests if isinstance(test, ManualTest))


class SpecificationDrafted(Frozen):
    """A version of a specification was written; it cannot be used before a second person approved it."""

    kind: Literal["specification_drafted"] = "specification_drafted"
    specification: Specification


class SpecificationApproved(Frozen):
    """A specification may be used from now on."""

    kind: Literal["specification_approved"] = "specification_approved"
    specification_id: Identifier
    signature: ElectronicSignature


class SpecificationRetired(Frozen):
    """A specification may no longer be used for new batches."""

    kind: Literal["specification_retired"] = "specification_retired"
    specification_id: Identifier
    signature: ElectronicSignature
