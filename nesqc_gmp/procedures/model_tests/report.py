"""The report of a test as one document: what was frozen and by whom, what came out, and every image; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nesqc_gmp.procedures.model_tests.planning import criterion_words
from nesqc_gmp.records.model_tests import (
    CriterionResult,
    Figure,
    ImageTested,
    TestSetContent,
    TestVerdict,
)
from nesqc_gmp.records.site import MARKS, SiteFounded
from nesqc_gmp.reports.document import Block, Chart, Document, Facts, Heading, Limit, Paragraph, Series, Table
from nesqc_gmp.state.model_tests import ModelTest, PackageTests, SealedSet, feature_sample
from nesqc_gmp.state.models import ModelState
from nesqc_gmp.statistics.auroc import curve
from nesqc_gmp.statistics.calibration import calibration
from nesqc_gmp.statistics.outcomes import Label, ScoredRow, at_threshold, by_culture, strata

_BINS = 20
_LABELS: tuple[Label, ...] = ("not conforming", "conforming")


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the report tells of.

    Attributes:
        founded: The site.
        model: The package.
        package: Its plans and tests; the last test is the one that is reported.
        state: The test set.
        content: What is in it.
        results: The result of every image.
        rows: The same with labels.
        figures: Figures over all images.
        criteria: The result of every criterion.
        verdict: Of the whole test.
    """

    founded: SiteFounded
    model: ModelState
    package: PackageTests
    state: SealedSet
    content: TestSetContent
    results: Mapping[str, ImageTested]
    rows: tuple[ScoredRow, ...]
    figures: tuple[Figure, ...]
    criteria: tuple[CriterionResult, ...]
    verdict: TestVerdict

    @property
    def test(self) -> ModelTest:
        """The test that is reported."""
        return self.package.tests[-1]


def report(material: Material) -> Document:
    """The document."""
    model, test = material.model, material.test
    mark = material.founded.mark or (MARKS["demonstration"] if model.manifest.demonstration else "")
    marks = [mark] if mark else []
    simulated = material.state.sealed.simulated
    if simulated:
        marks.append("Simulated images" if simulated == len(material.rows) else f"{simulated} simulated images")
    return Document(
        title=f"Test report: {model.label}, test {test.opened.test}",
        subtitle=f"Acceptance test of a locked model at {material.founded.name}: {material.verdict}.",
        mark=". ".join(marks),
        facts=(
            ("Package", model.model_sha256),
            ("Test set", f"{material.state.sealed.test_set}, content {material.state.sealed.content_sha256}"),
            ("Analysis", test.opened.analysis_sha256),
            ("Verdict", material.verdict),
        ),
        blocks=(
            *_frozen(material),
            *_criteria(material),
            *_figures(material),
            *_charts(material),
            *_subgroups(material),
            *_undecided(material),
            *_attempts(material),
            *_images(material),
            *_environment(material),
        ),
    )


def _frozen(material: Material) -> Iterator[Block]:
    plan = material.package.plans[material.test.opened.plan - 1]
    frozen, state, use = plan.frozen, material.state, material.model.intended_use
    independence = (
        "The package does not list the images it was developed with: independence of the test data is not shown by "
        "digests."
        if frozen.independence == "not shown by digests"
        else "Every image was compared with the images the package was developed with by bytes, pixels and a "
        "perceptual hash in eight orientations, and cultures and donors by name: nothing is in both."
    )
    yield Heading("What was frozen")
    yield Facts(
        (
            ("Plan", f"{frozen.plan} of {len(material.package.plans)}, entry {plan.index}"),
            ("Frozen and signed by", f"{plan.name} ({plan.by}), {plan.at}"),
            ("Intended use", "not signed" if use is None else f"entry {use.index}, {use.name}, {use.signed_at[:10]}"),
            ("Test set sealed by", f"{state.name} ({state.by}), {state.at}"),
            ("Test run by", f"{material.test.name} ({material.test.by}), {material.test.at}"),
            ("Justification", frozen.justification),
            ("Thresholds", f"conforming from {material.model.manifest.conforming_from}, not conforming below "
             f"{material.model.manifest.not_conforming_below}"),
            ("Seed", str(frozen.seed)),
        )
    )  # fmt: skip
    yield Paragraph(independence)
    for warning in frozen.warnings:
        yield Paragraph(f"Known when the plan was signed: {warning}.")
    sealed = state.sealed
    yield Table(
        ("Label", "Images", "Cultures"),
        (
            ("conforming", str(sealed.conforming), str(sealed.cultures_conforming)),
            ("not conforming", str(sealed.not_conforming), str(sealed.cultures_not_conforming)),
        ),
        f"{sealed.donors} donors; {sealed.excluded} images of the manifest excluded before the seal; "
        f"{sealed.copies} pairs of copies inside the set, {len(sealed.conflicting)} of them with different labels",
        (1, 2),
    )
    if material.content.excluded:
        yield Table(("Excluded image", "Reason"), material.content.excluded)
    for pair in sealed.conflicting:
        yield Paragraph(f"Copies with different labels: {pair}.")


def _criteria(material: Material) -> Iterator[Block]:
    yield Heading("Criteria and results")
    yield Table(
        ("Criterion", "Reached", "95 % interval", "Cultures", "Result"),
        tuple(
            (criterion_words(each.criterion), *_interval(each.found), str(each.found.units), each.outcome)
            for each in material.criteria
        ),
        "Units of sensitivity, specificity, rates and kappa are cultures: the least favourable image decides, "
        "undecided and refused count as wrong, and both count in the undecided rate. AUROC, Brier score and "
        "non-inferiority are of images, their intervals by drawing whole cultures. No bound is better than perfect "
        "results of so many cultures can show: Newcombe 2006 for the AUROC, Clopper and Pearson for kappa and the "
        "Brier score, Tango 1998 for non-inferiority. A criterion that is not assessable is not passed.",
        (3,),
        verdict=4,
    )


def _interval(figure: Figure) -> tuple[str, str]:
    return figure.estimate or "none", figure.bounds


def _figures(material: Material) -> Iterator[Block]:
    yield Heading("Figures over all images")
    rows = tuple((each.name, *_interval(each), each.method, str(each.units)) for each in material.figures)
    yield Table(("Figure", "Estimate", "95 % interval", "Method", "Cultures or images"), rows, "", (4,))


def _charts(material: Material) -> Iterator[Block]:
    judged = [(row, row.score) for row in material.rows if row.score is not None]
    labels, scores = [row.label == "conforming" for row, _ in judged], [score for _, score in judged]
    if len(set(labels)) < 2:
        yield Paragraph("One class only has scores: there is no curve.")
        return
    false, true = curve(labels, scores)
    roc = Series("ROC", tuple(map(float, false)), tuple(map(float, true)), style="steps")
    yield Chart(
        "ROC curve", "share of not conforming images at or above a score", "share of conforming images there", (roc,),
        x_range=(0.0, 1.0), y_range=(0.0, 1.0),
        caption="One point for each score that could be a threshold; the area below it is the AUROC. Images that "
        "passed the input check. Supporting only: acceptance is at the locked thresholds.",
    )  # fmt: skip
    found = calibration(labels, scores)
    if found is not None:
        points = Series(
            "observed",
            tuple(each.mean_score for each in found.bins),
            tuple(each.observed.estimate or 0.0 for each in found.bins),
            tuple(each.observed.low or 0.0 for each in found.bins),
            tuple(1.0 if each.observed.high is None else each.observed.high for each in found.bins),
            style="points",
        )
        ideal = Series("ideal", (0.0, 1.0), (0.0, 1.0))
        yield Chart(
            "Calibration: does a score of 0.8 mean that 80 % conform?", "mean score of a group of images",
            "share labelled conforming", (points, ideal), x_range=(0.0, 1.0), y_range=(0.0, 1.0),
            caption="Groups of equally many images by score, 95 % intervals of Wilson.",
        )  # fmt: skip
    yield _histogram(material, judged)


def _histogram(material: Material, judged: Sequence[tuple[ScoredRow, float]]) -> Chart:
    edges = tuple(number / _BINS for number in range(_BINS + 1))
    series = []
    for label in _LABELS:
        counts = [0] * _BINS
        for row, score in judged:
            counts[min(int(score * _BINS), _BINS - 1)] += row.label == label
        series.append(Series(label, edges, tuple(float(count) for count in (*counts, counts[-1])), style="steps"))
    manifest = material.model.manifest
    limits = (
        Limit(float(manifest.not_conforming_below), "below: not conforming", "x"),
        Limit(float(manifest.conforming_from), "from: conforming", "x"),
    )
    return Chart(
        "Scores of the images of each label", "score of the image", "images", tuple(series), limits, x_range=(0.0, 1.0)
    )


def _subgroups(material: Material) -> Iterator[Block]:
    frozen = material.package.plans[material.test.opened.plan - 1].frozen
    declared = [each.subgroup for each in frozen.criteria if each.subgroup is not None]
    named = [(column, value) for column in frozen.subgroups for value in _values(material.content, column)]
    yield Heading("Subgroups")
    found = strata(material.rows, [*named, *declared])
    if not found:
        yield Paragraph("The plan names none.")
        return
    rows = []
    for stratum in found:
        for label in _LABELS:
            units = [row for row in stratum.rows if row.label == label]
            cultures = at_threshold(by_culture(units), label)
            images = at_threshold(units, label)
            cells = (images.total, cultures.total, cultures.right, cultures.wrong, cultures.undecided, cultures.refused)
            share = str(cultures.counted_wrong) if units else "EMPTY: nothing is known"
            rows.append((f"{stratum.attribute}: {stratum.value}", label, *map(str, cells), share))
    head = (
        "Subgroup",
        "Label",
        "Images",
        "Cultures",
        "Called rightly",
        "Called wrongly",
        "Undecided",
        "Refused by the input check",
        "Right, undecided and refused counted as wrong",
    )
    yield Table(
        head,
        tuple(rows),
        "Every declared subgroup, empty ones too. The columns after the number of cultures count cultures.",
        (2, 3, 4, 5, 6, 7),
    )


def _values(content: TestSetContent, column: str) -> list[str]:
    found = {value for image in content.images for name, value in image.subgroups if name == column}
    if column in {"culture", "donor", "label"}:
        found |= {str(getattr(image, column)) for image in content.images}
    return sorted(found)


def _undecided(material: Material) -> Iterator[Block]:
    yield Heading("Undecided, counted three ways")
    rows = []
    for level, units in (("cultures", by_culture(material.rows)), ("images", material.rows)):
        for label in _LABELS:
            found = at_threshold(units, label)
            rows.append(
                (f"{label} {level}", str(found.total), str(found.undecided), str(found.refused), str(found.excluding),
                 str(found.counted_wrong), str(found.undecided_rate))
            )  # fmt: skip
    head = (
        "Counted by",
        "All",
        "Undecided",
        "Refused by the input check",
        "Right, undecided left out",
        "Right, undecided and refused counted as wrong",
        "Undecided or refused, of all",
    )
    yield Table(head, tuple(rows), "Intervals of Clopper and Pearson; those of images as if independent.", (1, 2, 3))


def _attempts(material: Material) -> Iterator[Block]:
    yield Heading("Every plan and every test of this package")
    plans = tuple(
        (str(each.frozen.plan), each.frozen.test_set, each.name, each.at[:19], str(each.index))
        for each in material.package.plans
    )
    yield Table(("Plan", "Test set", "Signed by", "UTC", "Entry"), plans)
    tests = tuple(
        (
            str(test.opened.test),
            str(test.opened.plan),
            test.name,
            test.at[:19],
            "this report" if test is material.test else test.outcome,
            "" if test.closed is None else f"{test.closed.tested} of {test.opened.images}: {test.closed.detail}",
            test.reason or "",
        )
        for test in material.package.tests
    )
    yield Table(("Test", "Plan", "Run by", "UTC", "Outcome", "Images", "Reason of a repeat"), tests)
    openings = tuple(
        (each.at[:19], each.name, each.role, each.read.purpose, str(each.index)) for each in material.state.openings
    )
    yield Table(("UTC", "Opened by", "Role", "Purpose", "Entry"), openings, "Every opening of the test set before this")


def _images(material: Material) -> Iterator[Block]:
    plan = material.package.plans[material.test.opened.plan - 1].frozen
    drawn = {image.image for image in feature_sample(plan, material.content)}
    rows = []
    for image, row in zip(material.content.images, material.rows, strict=True):
        result = material.results[image.image]
        failed = [each.rule for each in (*result.check.findings, *result.model_check) if not each.passed]
        rows.append(
            (
                image.image,
                image.culture,
                image.label,
                result.prediction.score if result.prediction else "none",
                result.outcome + (f" ({', '.join(failed)})" if failed else ""),
                "right" if result.outcome == row.label else "wrong" if result.outcome in _LABELS else "",
                "yes" if image.image in drawn else "",
                image.sha256[:12],
            )
        )
    yield Heading("Every image")
    head = ("Image", "Culture", "Label", "Score", "Outcome", "Right or wrong", "Drawn for feature review", "SHA-256")
    yield Table(head, tuple(rows), "The score of an image that an input check refused counts for nothing.", (3,))


def _environment(material: Material) -> Iterator[Block]:
    opened = material.test.opened
    runtime = opened.runtime
    yield Heading("Environment")
    yield Facts(
        (
            ("onnxruntime", f"{runtime.onnxruntime}, {runtime.provider}, {runtime.threads} thread, "
             f"{runtime.graph_optimisation.lower()} optimisation"),
            ("Golden run", runtime.self_test),
            ("Processor", runtime.processor),
            ("Python", runtime.python),
            ("Pixels", ", ".join(runtime.packages)),
            ("Figures", ", ".join(opened.analysis)),
        )
    )  # fmt: skip
