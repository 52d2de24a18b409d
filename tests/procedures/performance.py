"""A small world of a performance qualification: a tested package, readings, repeated images, an approved protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nesqc_gmp.procedures.qualification import performance
from nesqc_gmp.procedures.qualification.performance import Given, PerformanceProtocol, PerformanceRun
from nesqc_gmp.records.qualification import CaseExecuted
from tests.conftest import PEOPLE, ROOT
from tests.procedures import model_tests as small
from tests.procedures.test_qualification import Bench as Qualification
from tests.procedures.test_qualification import state

MODEL = "nes-test:1.0.0"

LIMITS = {
    "cultures_min = 40": "cultures_min = 5",
    "cultures_min = 20": "cultures_min = 5",
    'kappa_min = "0.60"': 'kappa_min = "0.01"',
    'error_max = "0.20"': 'error_max = "0.50"',
    'same_outcome_min = "0.80"': 'same_outcome_min = "0.50"',
    'agreement_min = "0.80"': 'agreement_min = "0.50"',
    '["operator", "instrument", "day"]': '["operator", "day"]',
}
"""The default protocol, for six cultures of each outcome instead of forty."""

READ_WRONG = {"anna": {"T00"}, "bo": {"T01", "T02"}}
"""Cultures that a reader reads otherwise than their label; even ones are conforming."""

VALUES: dict[str, dict[str, str]] = {
    "PQ-101": {
        f"{role} {what}": text
        for person, _, role in PEOPLE.values()
        if role not in {"data scientist", "auditor"}
        for what, text in (("person", person), ("training", "TR-1"), ("SOP", "SOP-QC-014 version 3"))
    },
    "PQ-102": {
        f"{step} {what}": text
        for step in ("accounts", "imaging", "analysis", "undecided", "release", "deviations", "models", "backup",
                     "continuity", "review")
        for what, text in (("SOP", f"SOP-{len(step)}"), ("version", "2.0"))
    },
    "PQ-901": {"conclusion": "Shown on twelve small cultures, for a test", "acceptable": "yes"},
}  # fmt: skip
"""What the tester states."""


def write_protocol(folder: Path, **changes: str) -> PerformanceProtocol:
    """The default protocol with limits that twelve cultures can keep, and with further texts exchanged."""
    (folder / "pq").mkdir(parents=True)
    for path in (ROOT / "validation" / "pq").glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        for old, new in (LIMITS | changes).items():
            text = text.replace(old, new)
        (folder / "pq" / path.name).write_text(text, encoding="utf-8")
    return performance.read_protocol(folder)


def write_set(folder: Path) -> Path:
    """Twelve cultures of two fields, each field by another person on another day; readers err as in ``READ_WRONG``."""
    manifest = small.write_images(folder, fields=2)
    rows = small.read_manifest(manifest)
    for row in rows:
        second = row["image"].endswith("F2.png")
        row |= {"operator": "olle" if second else "rana", "day": "2026-09-02" if second else "2026-09-01"}
        for reader, wrong in READ_WRONG.items():
            said = row["label"] != "conforming" if row["culture"] in wrong else row["label"] == "conforming"
            row[f"reading {reader}"] = "conforming" if said else "not conforming"
    return small.write_manifest(folder, rows)


def other_test(**changes: str) -> bytes:
    """The table of another test that agrees with every label, but for the cultures that are named."""
    lines = ["culture,outcome,reference,performed_on"]
    for number in range(12):
        culture = f"T{number:02d}"
        label = "not conforming" if number % 2 else "conforming"
        lines.append(f"{culture},{changes.get(culture, label)},FC-{number},2026-09-14")
    return "\n".join(lines).encode()


class Bench(Qualification):
    """The people of a performance qualification."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.models = small.Bench(world)
        self.folder = world.folder / "validation"

    @property
    def protocol(self) -> PerformanceProtocol:
        return performance.read_protocol(self.folder)

    def begin(self, who: str = "engineer", **changes: str) -> PerformanceRun:
        return performance.begin(self.world.session(who), MODEL, self.protocol, state(**changes))

    def do(self, case: str, given: Given | None = None, who: str = "engineer") -> CaseExecuted:
        return performance.execute(self.world.session(who), self.begin(who), case, given or given_for(case))

    def all(self) -> dict[str, CaseExecuted]:
        return {case.id: self.do(case.id) for case in self.protocol.cases}

    def close(self) -> Any:
        return performance.close(self.world.session("engineer"), self.begin())

    def figures(self, done: CaseExecuted) -> Any:
        """What was kept beside the result of a case."""
        return json.loads(self.world.site.objects.read(done.evidence[-1].sha256))["figures"]


def given_for(case: str, **values: str) -> Given:
    """What the tester gives for a case, with values of one's own; an empty one is left out."""
    stated = {name: value for name, value in (VALUES.get(case, {}) | values).items() if value}
    return Given(stated, (("flow.csv", other_test()),) if case == "PQ-205" else ())


def prepare(world: Any) -> None:
    """Everything before the first case: a tested and reviewed package, approved protocols, IQ and OQ passed."""
    bench = Bench(world)
    bench.models.seal(write_set(world.folder / "set"))
    model = bench.models.install(small.package(world.folder / "package"))
    plan = small.plan_of(small.criterion(), small.criterion("specificity"), small.criterion("non-inferiority", "0.90"))
    bench.models.plan(model, plan)
    bench.models.run(model)
    bench.models.review(model, world.folder / "review")
    protocol = write_protocol(bench.folder)
    bench.documents("IQ", "OQ")
    bench.document("PQ protocol", protocol.protocol_sha256)
    bench.passed("IQ")
    bench.passed("OQ")
