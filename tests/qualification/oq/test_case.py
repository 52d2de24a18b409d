"""Case files: every fault is named by file and field, and a case reaches nothing outside of its folder."""

from __future__ import annotations

from typing import Any

import pytest

from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.qualification.oq import read_protocol
from nesqc_gmp.qualification.oq.case import parse_case
from tests.qualification.oq.conftest import VERSION, step

WRONG: dict[str, tuple[str, str]] = {
    "unknown action": (step("telepathy", command="x"), "steps.0"),
    "unknown field": (step("nesqc", command="--version", colour="red"), "colour"),
    "no command": (step("nesqc"), "command"),
    "unknown person": (step("nesqc", command="whoami", person="nobody"), "nobody of the qualification sites: nobody"),
    "two ways of typing": (step("nesqc", command="whoami", signs="qa", piped="x"), "one of signs, answers and piped"),
    "unknown placeholder": (step("nesqc", command="show {nothing}"), "{nothing} is no person and was kept by no"),
    "kept too late": (
        step("nesqc", command="show {later}") + step("nesqc", command="--version", keep={"later": "(.*)"}),
        "{later} is no person",
    ),
    "regular expression": (step("nesqc", command="--version", matches=["("]), "not a regular expression"),
    "two groups": (step("nesqc", command="--version", keep={"x": "(a)(b)"}), "exactly one group"),
    "absolute path in a command": (step("nesqc", command="audit verify --site /srv/site"), "stays in it"),
    "absolute path after =": (step("nesqc", command="audit verify --site=/srv/site"), "stays in it"),
    "path above": (step("file", path="../site", change="delete"), "stays in it"),
    "quotes left open": (step("nesqc", command="batches show 'B-1"), "not a command line"),
    "file without target": (step("file", path="site", change="copy"), "copy takes to"),
    "file with too much": (step("file", path="site", change="delete", to="x"), "delete takes no further field"),
    "one contestant": (
        step("race", commands=[{"person": "qa", "command": "whoami"}], exits=[0]), "commands",
    ),
    "exit code": (step("nesqc", command="--version", exit=256), "exit"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_by_file_and_field(name: str, folder: Any) -> None:
    steps, told = WRONG[name]
    file = folder.case(101, steps)
    with pytest.raises(InvalidInputError) as refused:
        parse_case(file.read_bytes(), file)
    assert told in str(refused.value)
    assert refused.value.where == str(file)


def test_requirements_without_fingerprint_are_refused(folder: Any) -> None:
    file = folder.case(101, VERSION)
    file.write_text(file.read_text().replace('reviewed = { UR-QUALIFY-04 = "00000000" }', "reviewed = {}"))
    with pytest.raises(InvalidInputError, match="reviewed names exactly the requirements"):
        parse_case(file.read_bytes(), file)


def test_the_same_id_twice_and_a_name_that_differs_are_refused(folder: Any) -> None:
    file = folder.case(101, VERSION)
    (file.parent / "OQ-101-again.toml").write_text(file.read_text())
    with pytest.raises(InvalidInputError, match="OQ-101 is used twice"):
        folder.read()
    (file.parent / "OQ-101-again.toml").unlink()
    file.rename(file.parent / "OQ-102-again.toml")
    with pytest.raises(InvalidInputError, match="does not begin the name of the file"):
        folder.read()


def test_a_driver_or_a_case_that_is_not_there_is_refused(folder: Any) -> None:
    folder.case(101, step("python", script="gone.py"))
    with pytest.raises(InvalidInputError, match=r"there is no driver gone\.py"):
        folder.read()
    folder.driver("gone.py", "")
    folder.seed(1, file="digest.py", find="x", replace="y", case="OQ-101", step=2)
    with pytest.raises(InvalidInputError, match="there is no step 2 of OQ-101"):
        folder.read()


def test_a_folder_without_cases_is_no_protocol(tmp_path: Any) -> None:
    with pytest.raises(NotFoundError, match="no case"):
        read_protocol(tmp_path)


def test_the_digest_covers_cases_drivers_and_seeds(folder: Any) -> None:
    folder.case(101, VERSION)
    folder.driver("look.py", "print(1)")
    folder.seed(1, file="digest.py", find="x", replace="y", case="OQ-101")
    digests = {folder.read().protocol_sha256}
    for path in sorted(p for p in folder.path.rglob("*") if p.is_file()):
        before = path.read_text()
        path.write_text(before + "\n# one line more\n")
        digests.add(folder.read().protocol_sha256)
        path.write_text(before)
    assert len(digests) == 4
    (folder.path / "oq" / "README.md").write_text("for readers")
    assert folder.read().protocol_sha256 in digests
