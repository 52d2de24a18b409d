"""Traceability: nothing is broken here, and each link that is broken in a copy is found, alone and by its name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.qualification.citations import read_cases, read_marks
from nesqc_gmp.qualification.requirements import read_requirement
from nesqc_gmp.qualification.traceability import problems, read_trace

ROOT = Path(__file__).parents[2]
VALIDATION = ROOT / "validation"

LOW, MEDIUM, HIGH = "UR-QUALIFY-97", "UR-QUALIFY-98", "UR-QUALIFY-99"
"""Requirements that are put into the copy, by priority, each with a test of its own."""

RISKS = {
    LOW: ("low", "low", "high"),
    MEDIUM: ("medium", "medium", "medium"),
    HIGH: ("high", "high", "low"),
}

CASE = """\
id = "OQ-999"
title = "A case of the copy"
requirements = ["{requirement}"]
reviewed = {{ {requirement} = "{fingerprint}" }}
findings = [{finding}]
risk = "high"
negative = {negative}
"""

TRAP = """
[[clauses]]
id = "T98"
document = "traps"
clause = "T98"
asks = "A trap of the copy"
met = "no"
lacks = "All of it"
site = "Nothing"
not_executed = "There is nothing to execute."
"""


class Copy:
    """A copy of validation folder and tests with three requirements more, all of them whole."""

    def __init__(self, folder: Path) -> None:
        self.validation = folder / "validation"
        self.clauses = self.validation / "clauses.toml"
        shutil.copytree(VALIDATION, self.validation, ignore=shutil.ignore_patterns("release"))
        shutil.copytree(
            ROOT / "tests",
            folder / "tests",
            ignore=lambda _, names: [n for n in names if "." in n and not n.endswith(".py")],
        )
        with self.clauses.open("a", encoding="utf-8") as stream:
            stream.write(TRAP)
        self.test = folder / "tests" / "test_of_the_copy.py"
        for name, risk in RISKS.items():
            self.write(name, risk)
        self.mark()
        self.before = set(self.found())

    def file(self, name: str) -> Path:
        return self.validation / "requirements" / "qualify" / f"{name}.toml"

    def write(self, name: str, risk: tuple[str, str, str], sources: str = "V-05") -> None:
        severity, likelihood, detectability = risk
        self.file(name).write_text(
            f'id = "{name}"\nshall = "The system shall be traced."\nrationale = "For the test."\n'
            f'sources = ["{sources}"]\nreviewed = "00000000"\n[risk]\nharm = "none"\nseverity = "{severity}"\n'
            f'likelihood = "{likelihood}"\ndetectability = "{detectability}"\n[verification]\nmethod = "test"\n'
        )
        self.alter(self.file(name), "00000000", self.fingerprint(name))

    def fingerprint(self, name: str) -> str:
        return read_requirement(self.file(name)).fingerprint

    def mark(self, **other: str) -> None:
        """The test file of the copy; marks may be given otherwise, by requirement."""
        lines = ["import pytest"]
        for name in RISKS:
            options = f'reviewed="{self.fingerprint(name)}"' + (", negative=True" if name == HIGH else "")
            mark = other.get(name.replace("-", "_"), f'@pytest.mark.requirement("{name}", {options})')
            body = '    """Never run: only its mark is read."""'
            lines += ["", "", mark, f"def test_{name.lower().replace('-', '_')}() -> None:", body]
        self.test.write_text("\n".join(lines) + "\n")

    def case(
        self,
        requirement: str = LOW,
        finding: str = "",
        negative: str = "false",
        name: str = "one",
        fingerprint: str = "",
    ) -> Path:
        file = self.validation / "oq" / f"OQ-999-{name}.toml"
        file.parent.mkdir(exist_ok=True)
        fields = {"requirement": requirement, "finding": finding, "negative": negative}
        file.write_text(CASE.format(fingerprint=fingerprint or self.fingerprint(LOW), **fields))
        return file

    def alter(self, file: Path, old: str, new: str) -> None:
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), "utf-8")

    def found(self) -> list[str]:
        return [str(problem) for problem in problems(read_trace(self.validation))]

    def new(self) -> list[str]:
        """What is found now and was not before."""
        return [each for each in self.found() if each not in self.before]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.mark.requirement("UR-QUALIFY-14", reviewed="f0f9c41c")
@pytest.mark.requirement("UR-QUALIFY-15", reviewed="46b79e9c")
def test_nothing_is_broken() -> None:
    assert [str(problem) for problem in problems(read_trace(VALIDATION))] == []


def test_the_copy_adds_no_problem(copy: Copy) -> None:
    assert copy.before == {str(problem) for problem in problems(read_trace(VALIDATION))}


def break_unknown_requirement(copy: Copy) -> str:
    copy.test.write_text(copy.test.read_text().replace(f'("{LOW}"', '("UR-QUALIFY-96"'))
    copy.before.add(f"{LOW}: no test and no case cites it. Write a test, and mark it.")
    return "there is no requirement UR-QUALIFY-96"


def break_no_test(copy: Copy) -> str:
    copy.mark(UR_QUALIFY_98="# no mark")
    return f"{MEDIUM}: no test and no case cites it"


def break_no_attack(copy: Copy) -> str:
    copy.mark(UR_QUALIFY_99=f'@pytest.mark.requirement("{HIGH}", reviewed="{copy.fingerprint(HIGH)}")')
    return f"{HIGH}: its priority is high and no test or case attacks it"


def break_changed_requirement(copy: Copy) -> str:
    """The text is changed and every test is brought along, so that its own review is all that is stale."""
    copy.alter(copy.file(LOW), "be traced", "be traced well")
    copy.mark()
    return f"{LOW}: its text is not the one that was reviewed"


def break_stale_test(copy: Copy) -> str:
    copy.mark(UR_QUALIFY_97=f'@pytest.mark.requirement("{LOW}", reviewed="12345678")')
    return f"{LOW} was changed after it was compared with this"


def break_test_without_fingerprint(copy: Copy) -> str:
    copy.mark(UR_QUALIFY_97=f'@pytest.mark.requirement("{LOW}", reviewed="")')
    return f"{LOW} was changed after it was compared with this"


def break_stale_case(copy: Copy) -> str:
    copy.case(fingerprint="12345678")
    return f"{LOW} was changed after it was compared with this"


def break_case_without_fingerprint(copy: Copy) -> str:
    copy.alter(copy.case(), "reviewed =", "other =")
    return f"{LOW} is cited without the fingerprint of what was reviewed"


def break_case_that_reviewed_something_else(copy: Copy) -> str:
    copy.alter(copy.case(), "reviewed = { ", f'reviewed = {{ {HIGH} = "12345678", ')
    return f"reviewed names {HIGH}, which the case does not cite"


def break_case_without_requirement(copy: Copy) -> str:
    file = copy.case()
    copy.alter(file, f'["{LOW}"]', "[]")
    copy.alter(file, "reviewed =", "other =")
    return "the case cites no requirement"


def break_duplicate_case(copy: Copy) -> str:
    copy.case()
    copy.case(name="two")
    return "OQ-999: the id stands in validation/oq/OQ-999-one.toml, validation/oq/OQ-999-two.toml"


def break_unknown_source(copy: Copy) -> str:
    copy.write(LOW, RISKS[LOW], "P11-99")
    copy.mark()
    return f"{LOW}: there is no source P11-99 in the map of clauses"


def break_source_not_met(copy: Copy) -> str:
    copy.write(LOW, RISKS[LOW], "B-06")
    copy.mark()
    return f"{LOW}: its source B-06 is one that the software does not meet"


def break_uncovered_clause(copy: Copy) -> str:
    with copy.clauses.open("a") as stream:
        stream.write('\n[[clauses]]\nid = "X-1"\ndocument = "part-11"\nclause = "x"\nasks = "x"\nmet = "yes"\n')
    return "X-1: no requirement covers it"


def break_unexecuted_finding(copy: Copy) -> str:
    copy.alter(copy.clauses, 'not_executed = "There is nothing to execute."\n', "")
    return "T98: no case executes it"


def break_executed_and_not(copy: Copy) -> str:
    copy.case(finding='"T98"')
    return "T98: `not_executed` stands there, and OQ-999 executes it"


def break_unknown_finding(copy: Copy) -> str:
    copy.case(finding='"T99"')
    return "there is no row T99 in the map of clauses"


BREAKS = [value for name, value in sorted(globals().items()) if name.startswith("break_")]


@pytest.mark.requirement("UR-QUALIFY-14", reviewed="f0f9c41c", negative=True)
@pytest.mark.parametrize("breaks", BREAKS, ids=[each.__name__.removeprefix("break_") for each in BREAKS])
def test_a_broken_link_is_found_alone(breaks: Callable[[Copy], str], copy: Copy) -> None:
    expected = breaks(copy)
    (found,) = copy.new()
    assert expected in found


@pytest.mark.requirement("UR-QUALIFY-15", reviewed="46b79e9c", negative=True)
def test_an_attacking_case_is_as_good_as_an_attacking_test(copy: Copy) -> None:
    copy.mark(UR_QUALIFY_99="# no mark")
    (found,) = copy.new()
    assert found.startswith(f"{HIGH}: no test and no case")
    file = copy.case(requirement=HIGH, fingerprint=copy.fingerprint(HIGH))
    (found,) = copy.new()
    assert "no test or case attacks it" in found
    copy.alter(file, "negative = false", "negative = true")
    assert copy.new() == []


MARKED = """\
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.requirement("UR-SITE-01", reviewed="00000001")]


@pytest.mark.parametrize(
    "value",
    [1, pytest.param(2, marks=pytest.mark.requirement("UR-SITE-02", reviewed="00000002", negative=True))],
)
@pytest.mark.requirement("UR-SITE-03", reviewed="00000003")
def test_one(value):
    pass


@pytest.mark.requirement("UR-SITE-04", reviewed="00000004")
class TestMany:
    pytestmark = pytest.mark.requirement("UR-SITE-05", reviewed="00000005")

    @pytest.mark.requirement("UR-SITE-06", reviewed="00000006", negative=True)
    async def test_two(self):
        pass

    def helper(self):
        pass


def helper():
    pass
"""


def marked(folder: Path, text: str) -> Path:
    file = folder / "tests" / "deep" / "test_marked.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return folder / "tests"


def test_marks_are_found_wherever_they_may_stand(tmp_path: Path) -> None:
    found = {
        (each.source.removeprefix("tests/deep/test_marked.py::"), each.requirement[-2:], each.negative)
        for each in read_marks(marked(tmp_path, MARKED))
    }
    assert found == {
        ("test_one", "01", False),
        ("test_one", "02", True),
        ("test_one", "03", False),
        ("TestMany::test_two", "01", False),
        ("TestMany::test_two", "04", False),
        ("TestMany::test_two", "05", False),
        ("TestMany::test_two", "06", True),
    }


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('requirement("UR-SITE-03", reviewed="00000003")', "requirement(NAME, reviewed='00000003')", "plain values"),
        ('requirement("UR-SITE-03", reviewed="00000003")', "requirement()", "names one requirement"),
        ('requirement("UR-SITE-03", ', 'requirement("UR-SITE-03", "UR-SITE-04", ', "names one requirement"),
        (', reviewed="00000003"', "", "a mark has a requirement, reviewed="),
        ('"00000003"', "3", "a mark has a requirement, reviewed="),
        ("negative=True", "negative=1", "a mark has a requirement, reviewed="),
        ("negative=True", "attack=True", "a mark has a requirement, reviewed="),
        ("def test_one", "def one", "no test carries this mark"),
        ("class TestMany", "class Many", "no test carries this mark"),
    ],
)
def test_a_wrong_mark_is_refused_by_its_line(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert old in MARKED
    with pytest.raises(InvalidInputError, match=words) as refused:
        read_marks(marked(tmp_path, MARKED.replace(old, new, 1)))
    assert "tests/deep/test_marked.py, line " in str(refused.value.where)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('risk = "high"', 'risk = "grave"', "risk"),
        ("UR-QUALIFY-97", "UR-97", "requirements.0"),
        ('reviewed = { UR-QUALIFY-97 = "', 'reviewed = { UR-QUALIFY-97 = "x', "reviewed.UR-QUALIFY-97"),
        ("negative = false", "negative = no", "Write it as TOML"),
    ],
)
def test_a_case_that_cannot_be_traced_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "validation" / "oq" / "OQ-999.toml"
    file.parent.mkdir(parents=True)
    text = CASE.format(requirement=LOW, fingerprint="12345678", finding='"T40"', negative="false")
    file.write_text(text)
    assert read_cases(tmp_path / "validation")[0].case.id == "OQ-999"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InvalidInputError, match=words) as refused:
        read_cases(tmp_path / "validation")
    assert refused.value.where == str(file)


def test_without_tests_nothing_can_be_traced(tmp_path: Path) -> None:
    shutil.copytree(VALIDATION, tmp_path / "validation")
    with pytest.raises(NotFoundError, match="there are no tests"):
        read_trace(tmp_path / "validation")
