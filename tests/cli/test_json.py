"""What `--json` prints: one line of canonical JSON with stable names, and nothing else on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from nesqc_gmp.demonstration.people import Player
from tests.cli.conftest import DECIDED, SEALED, Run

BATCH_IN_LIST = {
    "batch", "stage", "specification", "line_code", "manufactured_on", "expires_on", "images", "refused", "attempts",
}  # fmt: skip
BATCH = BATCH_IN_LIST | {
    "outcome", "registered_by", "sealed", "signatures", "tests", "cultures", "heterogeneity", "heterogeneity_max",
    "rules", "images", "refused_files",
    "results", "late_entries", "deviations", "review_comment", "decision", "decision_comment",
}  # fmt: skip
CERTIFICATE = {
    "certificate", "batch", "revision", "supersedes", "standing", "reason", "issued_at", "entry", "anchored_size",
    "record_sha256", "pdf_sha256",
}  # fmt: skip
ROW = {"entry", "time_utc", "person", "role", "what", "record", "reason", "content"}
MODEL = {"model_sha256", "name", "model_version", "standing", "installed_by", "demonstration"}
SPECIFICATION = {"specification", "standing", "drafted_by", "name", "model_sha256", "tests"}
PERSON = {"person", "name", "standing", "identity_reference", "enrolled_by", "failures", "roles"}

# A change of a name here is a change of an interface: it goes into the change log.
NAMES: list[tuple[str, set[str]]] = [
    ("whoami", {"person", "name", "roles", "site", "purpose"}),
    ("site status", {"facts", "warnings", "open_incidents", "unanchored"}),
    ("people list", PERSON),
    ("people access-list", {"as_of", "access"}),
    ("products list", SPECIFICATION),
    ("products show NES-DEMO.v1", SPECIFICATION | {"content"}),
    ("models list", MODEL),
    (
        "models show nes-morphology-sim:1.1.0",
        MODEL | {"manifest", "tests", "intended_uses", "plans", "feature_reviews"},
    ),
    ("batches list", BATCH_IN_LIST),
    (f"batches show {DECIDED}", BATCH),
    ("certificates list", CERTIFICATE),
    ("certificates show QC-2026-000001", CERTIFICATE),
    ("certificates verify site/certificates/QC-2026-000001.pdf", {"verified", "sentence", "not_asked", "steps"}),
    ("audit log", ROW),
    ("audit search --who q.ekstrom", ROW),
    ("audit verify", {"verified", "sentence", "not_asked", "steps"}),
    ("audit log --index 0", {"version", "origin", "index", "time", "actor", "subject", "reason", "software", "record"}),
]


@pytest.mark.requirement("UR-AUDIT-03", reviewed="0edbab59")
@pytest.mark.parametrize(("command", "names"), NAMES, ids=[command for command, _ in NAMES])
def test_names_are_stable_and_the_form_is_canonical(
    command: str, names: set[str], log_in: Callable[[str], Player], nesqc: Run
) -> None:
    log_in("operator")
    ended = nesqc(*command.split(), "--json")
    assert (ended.code, ended.err) == (0, "")
    value: Any = json.loads(ended.out)
    assert ended.out == rfc8785.dumps(value).decode() + "\n"
    for one in value if isinstance(value, list) else [value]:
        assert set(one) == names


@pytest.mark.requirement("UR-AUDIT-17", reviewed="0fbb59d9", negative=True)
def test_no_secret_is_in_the_list_of_people(log_in: Callable[[str], Player], nesqc: Run) -> None:
    log_in("qa")
    out = nesqc("people", "list", "--json").out
    assert "sha256" not in out
    assert "session" not in out


@pytest.mark.requirement("UR-BATCHES-22", reviewed="4e0de0e3")
def test_a_decided_batch_as_json_agrees_with_the_log(log_in: Callable[[str], Player], nesqc: Run) -> None:
    log_in("reviewer")
    batch = json.loads(nesqc("batches", "show", DECIDED, "--json").out)
    rows = json.loads(nesqc("audit", "search", "--record", DECIDED, "--json").out)
    scored = [row for row in rows if row["what"] == "image_scored"]
    assert len(batch["images"]) == len(scored) == 24
    assert [s["meaning"] for s in batch["signatures"]] == [
        "performed",
        "reviewed",
        "audit trail reviewed",
        batch["decision"],
    ]
    signed = {row["entry"]: row["person"] for row in rows}
    assert all(s["in_present_form"] and signed[s["entry"]] == s["person"] for s in batch["signatures"])
    score = next(row["entry"] for row in scored)
    first = json.loads(nesqc("audit", "log", "--index", score, "--json").out)["record"]
    shown = next(image for image in batch["images"] if image["image"] == first["image"])
    assert shown["score"] == first["prediction"]["score"]
    assert shown["sha256"] == first["sha256"]


@pytest.mark.requirement("UR-AUDIT-14", reviewed="d2290d7e")
def test_filters_of_the_search_narrow(log_in: Callable[[str], Player], nesqc: Run) -> None:
    log_in("qa")

    def found(*words: str) -> list[dict[str, Any]]:
        return list(json.loads(nesqc("audit", "search", *words, "--json").out))

    everything = found()
    assert [row["entry"] for row in everything] == list(range(len(everything)))
    # One image_received entry for each of the 24 + 18 images of the two batches.
    assert len(found("--what", "image_received")) == 42
    assert len(found("--what", "image_received", "--record", SEALED)) == 18
    assert {row["role"] for row in found("--role", "reviewer")} == {"reviewer"}
    assert found("--from", "2999-01-01") == found("--to", "2000-01-01") == []
    assert len(found("--reason", "Activated for the demonstration")) == 1


def test_an_unverified_site_says_so_in_json(site: Path, nesqc: Run) -> None:
    certificate = next((site / "certificates").glob("*.pdf"))
    certificate.write_bytes(certificate.read_bytes()[:-7])
    ended = nesqc("audit", "verify", "--json")
    assert ended.code == 30
    assert json.loads(ended.out)["verified"] is False
