"""The review of features: the sample that the frozen plan drew, its recorded heat maps, one answer an image, signed.

Nothing is predicted again: the maps are those that the completed test recorded. The labels of the test set are not
shown, so that the question is where the model looks and not whether it was right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.picture import map_values
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.ledger import Reader, Transaction
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.evaluation import require_evaluation
from nesqc_gmp.procedures.files import require_new
from nesqc_gmp.procedures.heat_maps import SIMULATED
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer, as_entered
from nesqc_gmp.procedures.test_sets import open_content
from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.feature_review import (
    PLACES,
    FeatureSeen,
    FeaturesReviewed,
    Place,
    WeightShares,
    place_counts,
)
from nesqc_gmp.records.images import Prediction
from nesqc_gmp.records.model_tests import ImageTested, TestImage, TestPlanFrozen
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.records.site import MARKS
from nesqc_gmp.reports.document import Block, Document, Heading, Paragraph, Picture, Table
from nesqc_gmp.reports.heat_map import HeatMapCaption, render_heat_map
from nesqc_gmp.reports.html import render_html
from nesqc_gmp.reports.pdf import render_pdf
from nesqc_gmp.robustness.weight import Shares, weight
from nesqc_gmp.state.feature_review import require_no_reversal, require_reason, require_reviewable
from nesqc_gmp.state.model_tests import (
    NO_TESTS,
    ModelTest,
    PackageTests,
    feature_sample,
    fold_results,
    fold_test_sets,
    fold_tests,
    require_another_sealed,
    results_id,
)
from nesqc_gmp.state.models import ModelState, fold_models, get
from nesqc_gmp.state.people import Person

PAGE: Final = "features.html"
PRINT: Final = "features.pdf"
_EDGE: Final = 400
"""Longest edge of a picture in the page, in pixels."""

_PICTURE_WIDTH: Final = 0.8
"""Width of a picture in the page: with its table it fits below the table of all images."""

_FEW_CELLS, _MANY_CELLS = 0.05, 0.95
"""Shares of the area beyond which finding cells by contrast has failed or does not divide the image."""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One image of the sample as it was shown.

    Attributes:
        image: The image.
        score: Its score.
        outcome: Its outcome.
        png: The picture.
        positive: Where the weight for conforming lies.
        negative: Where the weight against it lies.
        area: Shares of the area.
    """

    image: str
    score: str
    outcome: str
    png: bytes
    positive: WeightShares | None
    negative: WeightShares | None
    area: WeightShares


@dataclass(frozen=True, slots=True)
class FeatureSheet:
    """What an expert goes through.

    Attributes:
        model_sha256: The package.
        label: Its name and version.
        plan: Number of the plan.
        test: Number of the test.
        shown: Every image with a map, in the order of the draw.
        without_map: Images that the input check kept from the model.
        html: The page.
        pdf: The same as PDF.
    """

    model_sha256: str
    label: str
    plan: int
    test: int
    shown: tuple[ShownImage, ...]
    without_map: tuple[str, ...]
    html: bytes
    pdf: bytes


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The sample and what it is of."""

    model: ModelState
    plan: TestPlanFrozen
    test: ModelTest
    images: tuple[tuple[TestImage, ImageTested], ...]


def sheet(session: Session, name: str, out: Path, reason: str | None = None) -> FeatureSheet:
    """Write what there is to review into a new folder, as a page and as PDF; the opening of the test set is recorded.

    Args:
        session: A subject matter expert.
        name: The package.
        out: A folder that does not exist yet.
        reason: Why the package is reviewed again; needed then.

    Raises:
        NotFoundError: No installed package fits the name, or the packages that find cells are not installed.
        OutOfSequenceError: No test of its last plan was completed, no image of the sample has a heat map, or the
            package was reviewed before and no reason is given.
        NotAuthorisedError: The person installed the package, ran the test or sealed its set.
        IntegrityError: An original or the content of the test set was altered; recorded.
        InvalidInputError: The folder exists or cannot be made, the one above it does not exist, or the reason is too
            short or too long.
    """
    require_evaluation()
    reason = None if reason is None else as_entered(reason)
    require_new(out)
    with session.viewing("models.features") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256
    about = Subject(type="model", id=digest)
    with session.acting("models.features", about) as act:
        model, tests = _load(act.transaction, digest)
        test = _reviewable(act.transaction, model, tests, act.person.id)
        require_reason(model, reason)
        plan = next(p.frozen for p in tests.plans if p.frozen.plan == test.opened.plan)
        results = fold_results(act.transaction.entries("model-test", results_id(digest, test.opened.test)))
    _, content = open_content(
        session, "models.features", plan.test_set, "feature review", digest, test.opened.test
    )  # fmt: skip
    sample = tuple((image, results[image.image]) for image in feature_sample(plan, content))
    try:
        made = _sheet(session.site, _Drawn(model, plan, test, sample))
    except (IntegrityError, OutOfSequenceError) as error:
        session.refuse("models.features", error, about)
    _write(out, made)
    return made


def _load(reader: Reader, digest: str) -> tuple[ModelState, PackageTests]:
    entries = list(reader.entries("model", digest))
    return get(fold_models(entries), digest), fold_tests(entries).get(digest, NO_TESTS)


def _reviewable(reader: Reader, model: ModelState, tests: PackageTests, person: str) -> ModelTest:
    """The test whose heat maps this person may review, who does not know the labels of its images."""
    test = require_reviewable(model, tests, person)
    test_set = tests.plans[test.opened.plan - 1].frozen.test_set
    sealed = fold_test_sets(reader.entries("test-set", test_set))[test_set]
    require_another_sealed(sealed, person, "reviews features on")
    return test


def _write(out: Path, made: FeatureSheet) -> None:
    try:
        out.mkdir()
        (out / PAGE).write_bytes(made.html)
        (out / PRINT).write_bytes(made.pdf)
    except OSError as error:
        raise InvalidInputError(
            f"the folder cannot be written: {error.strerror}", where=str(out), remedy="Name one that you may write."
        ) from error


def _sheet(site: Site, drawn: _Drawn) -> FeatureSheet:
    shown = tuple(
        _shown(site, drawn, image, result, result.prediction) for image, result in drawn.images if result.prediction
    )
    without = tuple(image.image for image, result in drawn.images if result.prediction is None)
    if not shown:
        raise OutOfSequenceError(
            "the input check kept every image of the sample from the model, so there is no heat map to review",
            where=drawn.model.label,
            remedy="A model that refuses its test images cannot be reviewed. Look at the input sample space.",
        )
    document = _document(site, drawn, shown, without)
    return FeatureSheet(
        model_sha256=drawn.model.model_sha256,
        label=drawn.model.label,
        plan=drawn.plan.plan,
        test=drawn.test.opened.test,
        shown=shown,
        without_map=without,
        html=render_html(document).encode(),
        pdf=render_pdf(document),
    )


def _shown(site: Site, drawn: _Drawn, image: TestImage, result: ImageTested, prediction: Prediction) -> ShownImage:
    samples = decode(site.objects.read(result.sha256), name=image.image).samples
    caption = HeatMapCaption(
        title=f"Image {image.image}",
        mark=_mark(site, drawn.model, simulated=image.simulated),
        facts=(("Score", prediction.score), ("Outcome", result.outcome), ("Image digest", result.sha256)),
    )
    found = weight(gray_samples(samples), map_values(prediction.heat_map))
    return ShownImage(
        image=image.image,
        score=prediction.score,
        outcome=result.outcome,
        png=render_heat_map(samples, prediction.heat_map, caption, edge=_EDGE),
        positive=None if found.positive is None else _recorded(found.positive),
        negative=None if found.negative is None else _recorded(found.negative),
        area=_recorded(found.area),
    )


def _recorded(shares: Shares) -> WeightShares:
    return WeightShares(
        cells=decimal_text(shares.cells, 4),
        background=decimal_text(shares.background, 4),
        border=decimal_text(shares.border, 4),
    )


def _mark(site: Site, model: ModelState, *, simulated: bool) -> str:
    mark = site.founded.mark or (MARKS["demonstration"] if model.manifest.demonstration else "")
    return " · ".join([*([mark] if mark else []), *([SIMULATED] if simulated else [])])


def _document(site: Site, drawn: _Drawn, shown: tuple[ShownImage, ...], without: tuple[str, ...]) -> Document:
    plan, model = drawn.plan, drawn.model
    blocks: list[Block] = [
        Paragraph(
            "Look at each image and at its heat map. Where does the weight of the map lie: on cells, on background, at "
            "the edge, on debris, on a scale bar or text? Blue speaks against conforming, yellow for it. The labels of "
            "the images are not shown."
        ),
        Paragraph(
            "The shares say where the computer finds the weight. Cells are where the local contrast is high, which is "
            "a rule and not knowledge of cells; the border is the outer tenth of the image at each edge. A weight that "
            "is spread evenly has the shares of the area."
        ),
        *([Paragraph(f"Kept from the model by the input check, so without a map: {', '.join(without)}.")] if without
          else []),
        Heading("All images of the sample"),
        _overview(shown),
    ]  # fmt: skip
    for number, item in enumerate(shown, 1):
        picture = Picture(item.png, f"Image {number} of {len(shown)}: {item.image}", width=_PICTURE_WIDTH)
        blocks += [picture, _shares_table(item, number)]
    return Document(
        title=f"Heat maps for the review of features: {model.label}",
        subtitle="The sample that the frozen test plan draws, with the heat maps that the test recorded",
        mark=_mark(site, model, simulated=any(image.simulated for image, _ in drawn.images)),
        facts=(
            ("model digest", model.model_sha256),
            ("test plan, test", f"{plan.plan}, {drawn.test.opened.test}"),
            ("test set", f"{plan.test_set}, content {plan.content_sha256}"),
            ("sample", f"{len(drawn.images)} images, {plan.feature_images} of each class where there are as many, "
             f"seed {plan.seed}"),
        ),
        blocks=tuple(blocks),
    )  # fmt: skip


def _overview(shown: tuple[ShownImage, ...]) -> Table:
    head = (
        "Image",
        "Score",
        "Outcome",
        "For: cells",
        "For: border",
        "Against: cells",
        "Against: border",
        "Area: cells",
    )
    rows = tuple(
        (item.image, item.score, item.outcome, *_both(item.positive), *_both(item.negative), _percent(item.area.cells))
        for item in shown
    )
    caption = (
        "Shares of the weight for and against conforming that lie on cells and in the border; a dash where there is no "
        "such weight. The last column is the share of the area that is cells."
    )
    return Table(head, rows, caption, numbers=(1, 3, 4, 5, 6, 7))


def _both(part: WeightShares | None) -> tuple[str, str]:
    return ("-", "-") if part is None else (_percent(part.cells), _percent(part.border))


def _shares_table(item: ShownImage, number: int) -> Table:
    named = (
        ("Weight for conforming", item.positive),
        ("Weight against conforming", item.negative),
        ("Area of the image", item.area),
    )
    rows = tuple(
        (name, *(("-",) * 3 if part is None else map(_percent, (part.cells, part.background, part.border))))
        for name, part in named
    )
    caption = ""
    if not _FEW_CELLS <= float(item.area.cells) <= _MANY_CELLS:
        caption = (
            f"Contrast takes {_percent(item.area.cells)} of this image for cells. Where a culture fills the image, "
            "contrast finds only what sticks out of it: the shares on cells and on background then say nothing."
        )
    return Table(
        (f"Image {number}, share of", "On cells", "On background", "In the border"), rows, caption, numbers=(1, 2, 3)
    )


def _percent(share: str) -> str:
    return f"{float(share) * 100:.1f} %"


def review(
    session: Session,
    seen: FeatureSheet,
    places: Mapping[str, Place],
    sensible: bool,
    comment: str,
    ceremony: Ceremony,
    reason: str | None = None,
) -> None:
    """Sign what the expert saw.

    Args:
        session: The same expert.
        seen: What was shown.
        places: Where the weight lies, by image.
        sensible: Whether the features make sense for the intended use.
        comment: What the expert says of it.
        ceremony: Shows the statement and asks for id and passphrase.
        reason: Why the package is reviewed again; needed then.

    Raises:
        InvalidInputError: An image was not answered.
        OutOfSequenceError: Another plan or test has taken the place of the one that was shown, or the package was
            reviewed before and no reason is given.
        NotAuthorisedError: The person installed the package, ran the test, sealed its set, or has said no before and
            says yes now.
    """
    missing = [item.image for item in seen.shown if item.image not in places]
    if missing:
        raise InvalidInputError(f"images wait for an answer: {', '.join(missing)}", where=seen.label)
    answered = tuple(
        FeatureSeen(
            image=item.image,
            png_sha256=sha256_hex(item.png),
            positive=item.positive,
            negative=item.negative,
            place=places[item.image],
        )
        for item in seen.shown
    )
    html, pdf = (session.site.objects.put(data) for data in (seen.html, seen.pdf))

    def prepare(reader: Reader, person: Person) -> Prepared:
        model, tests = _load(reader, seen.model_sha256)
        test = _reviewable(reader, model, tests, person.id)
        require_reason(model, reason)
        if sensible:
            require_no_reversal(model, person.id)
        if test.opened.test != seen.test:
            raise OutOfSequenceError(
                f"test {test.opened.test} has taken the place of test {seen.test}", where=model.label
            )

        def make(signature: ElectronicSignature) -> FeaturesReviewed:
            return FeaturesReviewed(
                model_sha256=seen.model_sha256,
                plan=seen.plan,
                test=seen.test,
                seen=answered,
                without_map=seen.without_map,
                counts=place_counts(answered),
                sensible=sensible,
                comment=comment,
                html_sha256=html,
                pdf_sha256=pdf,
                signature=signature,
            )

        return make, Signer("features reviewed", _lines(seen, answered, html, sensible=sensible, comment=comment))

    def beside(transaction: Transaction) -> None:
        if not sensible:
            what = f"a review of test {seen.test} finds that the features do not make sense: {comment}"
            session.site.open_incident_if_active(transaction, seen.model_sha256, what)

    about = Subject(type="model", id=seen.model_sha256)
    session.sign("models.features", about, prepare, ceremony, reason, beside)


def _lines(
    seen: FeatureSheet, answered: tuple[FeatureSeen, ...], html: str, *, sensible: bool, comment: str
) -> tuple[str, ...]:
    """The summary of the statement; images by their number in the page, whose digest stands above them."""
    numbers = {
        place: [str(number) for number, item in enumerate(answered, 1) if item.place == place] for place in PLACES
    }
    return (
        f"Model {seen.label}, digest {seen.model_sha256}",
        f"Test plan {seen.plan}, test {seen.test}: {len(answered)} heat maps, {len(seen.without_map)} images without",
        f"Page with the images by number, SHA-256 {html}",
        *(
            f"Weight seen, {place}: {len(found)} of {len(answered)}: {', '.join(found) or 'none'}"
            for place, found in numbers.items()
        ),
        f"The features make sense: {'yes' if sensible else 'no'}",
        f"Comment: {comment}",
    )
