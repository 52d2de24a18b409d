"""``nesqc models train``: a plan and labelled images to a locked package and its report.

Training is no act of a site: it needs no login and writes no record. The package counts only once it is installed,
approved and active.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from nesqc_gmp.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nesqc_gmp.training.fit import Epoch
    from nesqc_gmp.training.limit_checks import LimitCheck

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN.toml", help="The plan.", show_default=False)]


def train(
    plan: PlanArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that receives package and report.")],
    work: Annotated[
        Path | None,
        typer.Option(
            "--work", metavar="DIR", help="Folder of the checkpoints; else a hidden one in --out, removed at the end."
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="Where the images lie, if not where the plan says.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", metavar="FILE.csv", help="The same for the manifest.")
    ] = None,
) -> None:
    """Train, calibrate, test and lock a model as a plan says. Needs no site and no login.

    A run that was stopped goes on when the command is repeated. Package and reports are written to the output folder
    when all is whole; until then there is a hidden folder of checkpoints in it, or where --work says.
    """
    from nesqc_gmp.cli import show

    _require_extra()
    from nesqc_gmp.training.limit_checks import overview
    from nesqc_gmp.training.plan_file import read_plan
    from nesqc_gmp.training.run import Show
    from nesqc_gmp.training.run import train as run

    places = read_plan(plan, images=images, manifest=manifest)
    name = f"{places.plan.model.name}-{places.plan.model.version}"
    with _Progress() as progress:
        kept = work or out / f".{name}.work"
        trained = run(places, out, kept, Show(progress.step, progress.part, progress.epoch))
    if work is None:
        shutil.rmtree(kept)
    results = trained.results
    show.print_facts(
        [
            ("package", str(trained.folder)),
            ("digest", trained.model.digest),
            ("report", ", ".join(str(file) for file in trained.reports)),
            ("export check", f"graph and torch differ by at most {trained.exported:.1e}, relative"),
            ("measured on", "images kept for the test" if results.basis == "test" else "scores out of fold"),
            ("AUROC", f"{results.auroc}; with cultures as units {results.by_culture}"),
            ("thresholds", f"conforming from {trained.model.manifest.conforming_from}; not conforming below "
             f"{trained.model.manifest.not_conforming_below}; between the two undecided"),
        ]
    )  # fmt: skip
    for family in results.families:
        show.say(f"family {family.name}: AUROC {family.auroc}")
    _print_checks(trained.checks, overview(places.plan, trained.checks, results))


def _print_checks(checks: Sequence[LimitCheck], said: str) -> None:
    """Every limit of the plan with what was reached, failed ones first, and what nothing limits."""
    from nesqc_gmp.cli import show

    show.print_title("What failed, what holds")
    rows = [(each.verdict, each.part, each.name, each.reached, each.limit) for each in checks]
    show.print_table(("Result", "Part", "What is limited", "Reached", "Limit"), rows, "There is no limit.")
    print()
    show.say(said)


def _require_extra() -> None:
    """The packages that train are installed.

    Raises:
        NotFoundError: One is missing; production never has them.
    """
    missing = [name for name in ("torch", "onnx", "scipy", "sklearn") if importlib.util.find_spec(name) is None]
    if missing:
        raise NotFoundError(
            f"{' and '.join(missing)} not installed: training needs the extra [train]",
            remedy="In the folder of this software: pip install --constraint requirements.lock '.[train]', on a "
            "machine for development; a site that scores never needs it.",
        )


class _Progress:
    """Bars and the curve of the loss on a terminal, plain lines elsewhere; all on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, markup=False, highlight=False)
        self._live = self._console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}  {task.fields[note]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._live,
        )
        self._bars: dict[str, Any] = {}
        self._losses: dict[str, list[float]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, text: str) -> None:
        """Say what is done now."""
        self._console.print(text)

    def part(self, name: str, done: int, of: int) -> None:
        """Move the bar of what is read or compared."""
        self._move(name, done, of, "")

    def epoch(self, epoch: Epoch) -> None:
        """Move the bar of a fit and draw its losses as a line of blocks."""
        losses = self._losses.setdefault(epoch.fit, [])
        losses.append(epoch.loss)
        if not self._live:
            self._console.print(f"{epoch.fit}: epoch {epoch.number} of {epoch.of}, loss {epoch.loss:.4f}")
        self._move(epoch.fit, epoch.number, epoch.of, f"loss {epoch.loss:.4f} {_curve(losses)}")

    def _move(self, name: str, done: int, of: int, note: str) -> None:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=of, note=note)
        self._progress.update(self._bars[name], completed=done, note=note)


_BLOCKS = "▁▂▃▄▅▆▇█"


def _curve(values: list[float]) -> str:
    """At most the last 40 values as blocks between the smallest and the largest of them."""
    shown = values[-40:]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    return "".join(_BLOCKS[round((value - low) / span * (len(_BLOCKS) - 1))] for value in shown)
