"""One entry of the log: who did what to which record, when, why, with which software."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nesqc_gmp.records import (
    batches,
    certification,
    feature_review,
    intended_use,
    model_tests,
    models,
    people,
    products,
    qualification,
    site,
)
from nesqc_gmp.records.base import Frozen, Identifier, Instant, Reason, Text

Record = Annotated[
    site.SiteFounded
    | site.IncidentOpened
    | site.IncidentAssessed
    | site.ActRefused
    | site.CheckpointExported
    | site.BackupMade
    | site.RestoreTested
    | site.SiteRestored
    | people.PersonEnrolled
    | people.RoleGranted
    | people.RoleRevoked
    | people.PersonDisabled
    | people.CredentialSet
    | people.ResetRequested
    | people.ResetApproved
    | people.SessionOpened
    | people.SessionClosed
    | people.AuthenticationFailed
    | products.SpecificationDrafted
    | products.SpecificationApproved
    | products.SpecificationRetired
    | models.ModelInstalled
    | intended_use.IntendedUseSigned
    | models.ModelApproved
    | models.ModelActivated
    | models.ModelRetired
    | model_tests.TestSetSealed
    | model_tests.TestSetRead
    | model_tests.TestSetConsumed
    | model_tests.TestPlanFrozen
    | model_tests.ModelTestOpened
    | model_tests.ImageTested
    | model_tests.ModelTestClosed
    | feature_review.FeaturesReviewed
    | batches.BatchRegistered
    | batches.ImageReceived
    | batches.ImageRefused
    | batches.DuplicateExplained
    | batches.ImageSetSealed
    | batches.AttemptOpened
    | batches.ImageScored
    | batches.AttemptClosed
    | batches.ImageRead
    | batches.HeatMapShown
    | batches.ResultRecorded
    | batches.ResultVerified
    | batches.BatchSubmitted
    | batches.BatchReviewed
    | batches.AuditTrailReviewed
    | batches.BatchDisposed
    | certification.CertificateIssued
    | certification.CertificateWithdrawn
    | certification.CertificateSuperseded
    | qualification.DocumentPrepared
    | qualification.DocumentApproved
    | qualification.QualificationOpened
    | qualification.CaseExecuted
    | qualification.QualificationClosed
    | qualification.DeviationRecorded
    | qualification.DeviationAssessed
    | qualification.QualificationSubmitted
    | qualification.QualificationReviewed
    | qualification.QualificationApproved
    | qualification.ChangeRecorded
    | qualification.ChangeApproved
    | qualification.InstallationVerified
    | qualification.PeriodicReviewSigned,
    Field(discriminator="kind"),
]
"""Every record there is."""

SubjectType = Literal[
    "site", "person", "specification", "model", "model-test", "test-set", "batch", "certificate", "qualification"
]

CONTENT_KINDS = frozenset(
    {
        "specification_drafted",
        "model_installed",
        "intended_use_signed",
        "test_set_sealed",
        "test_plan_frozen",
        "model_test_opened",
        "image_tested",
        "model_test_closed",
        "features_reviewed",
        "person_enrolled",
        "credential_set",
        "batch_registered",
        "image_received",
        "image_refused",
        "duplicate_explained",
        "image_set_sealed",
        "attempt_opened",
        "image_scored",
        "attempt_closed",
        "image_read",
        "result_recorded",
        "result_verified",
        "certificate_issued",
        "site_founded",
        "incident_opened",
        "document_prepared",
        "qualification_opened",
        "case_executed",
        "qualification_closed",
        "deviation_recorded",
        "change_recorded",
    }
)
"""Kinds that are the content of their subject: a signature covers these, and one more of them unsigns it."""


SIGNED_KINDS = frozenset(
    {
        "site_founded",
        "incident_assessed",
        "role_granted",
        "credential_set",
        "specification_approved",
        "specification_retired",
        "intended_use_signed",
        "model_approved",
        "model_activated",
        "model_retired",
        "test_set_consumed",
        "test_plan_frozen",
        "features_reviewed",
        "result_recorded",
        "result_verified",
        "batch_submitted",
        "batch_reviewed",
        "audit_trail_reviewed",
        "batch_disposed",
        "certificate_issued",
        "certificate_withdrawn",
        "certificate_superseded",
        "document_prepared",
        "document_approved",
        "deviation_assessed",
        "qualification_submitted",
        "qualification_reviewed",
        "qualification_approved",
        "change_recorded",
        "change_approved",
        "periodic_review_signed",
    }
)
"""Kinds that carry a signature, and the founding record that pins the authority behind all of them."""


class Actor(Frozen):
    """Who did it.

    Attributes:
        person: Id of the person, or ``system`` for what the tool does by itself.
        name: Printed name.
        role: Role in which the person acted.
        authentication: ``session``, ``passphrase`` (re-authenticated for this act) or ``none``.
        session: Digest of the session's secret.
    """

    person: Identifier
    name: Text
    role: str
    authentication: Literal["session", "passphrase", "none"]
    session: str | None


class Subject(Frozen):
    """The record an entry is about."""

    type: SubjectType
    id: Identifier


class Entry(Frozen):
    """One leaf of the log; its canonical JSON is hashed.

    Attributes:
        version: Version of this format.
        origin: Origin of the log, so that a leaf cannot be moved to another.
        index: Position in the log, counted from 0.
        time: When it was entered.
        actor: Who.
        subject: About which record.
        reason: Why, where the act asks for it.
        software: Name and version of the software.
        record: What.
    """

    version: Literal[1]
    origin: str
    index: int
    time: Instant
    actor: Actor
    subject: Subject
    reason: Reason | None
    software: str
    record: Record

    @property
    def kind(self) -> str:
        """The kind of record."""
        return self.record.kind
