"""The tool that is qualified: how it is called, and where it lies.

It is always the installed one. ``-I`` keeps the interpreter from picking up a source tree in the working folder, a
variable such as ``PYTHONPATH``, or packages of the person's home (trap T38: a run against the developer's files says
nothing about what is installed). Seeded faults are the exception that proves it: they run in a patched copy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nesqc_gmp.errors import NotFoundError

_FACTS = (
    "import importlib.util, json, nesqc_gmp; "
    "evaluate = all(importlib.util.find_spec(name) for name in ('scipy', 'sklearn')); "
    "print(json.dumps([nesqc_gmp.__version__, nesqc_gmp.__file__, evaluate]))"
)

_FROM_COPY = "import runpy, sys; sys.path.insert(0, sys.argv[1]); how, what, *rest = sys.argv[2:]; "
_RUN = (
    "sys.argv = [what, *rest]; "
    "runpy.run_path(what, run_name='__main__') if how == 'script' else "
    "runpy.run_module(what, run_name='__main__', alter_sys=True)"
)


@dataclass(frozen=True, slots=True)
class Tool:
    """An installed tool, or a copy of it.

    Attributes:
        python: The interpreter it is installed for.
        copy: A folder that holds another copy of the package, used instead of the installed one.
    """

    python: str = sys.executable
    copy: Path | None = None

    def nesqc(self, words: list[str]) -> list[str]:
        """The command line ``nesqc`` with these words."""
        return self.module("nesqc_gmp", words)

    def module(self, name: str, words: list[str]) -> list[str]:
        """A module run as a program."""
        if self.copy is None:
            return [self.python, "-I", "-m", name, *words]
        return [self.python, "-I", "-c", _FROM_COPY + _RUN, str(self.copy), "module", name, *words]

    def script(self, path: Path, words: list[str]) -> list[str]:
        """A script run with the interpreter of the tool."""
        if self.copy is None:
            return [self.python, "-I", str(path), *words]
        return [self.python, "-I", "-c", _FROM_COPY + _RUN, str(self.copy), "script", str(path), *words]

    def facts(self) -> ToolFacts:
        """Version and place of the package that these command lines run.

        Raises:
            NotFoundError: The package is not installed for this interpreter.
        """
        words = ["-I", "-c", _FACTS] if self.copy is None else ["-I", "-c", _FROM_COPY + _FACTS, str(self.copy), "", ""]
        done = subprocess.run([self.python, *words], capture_output=True, text=True, cwd="/", check=False)  # noqa: S603
        if done.returncode != 0:
            raise NotFoundError(
                "the tool is not installed for this interpreter",
                where=self.python,
                remedy="Install it as the README says. Only what is installed can be qualified.",
            )
        version, file, evaluate = json.loads(done.stdout)
        return ToolFacts(version, Path(file).parent, evaluate)


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What is called.

    Attributes:
        version: Version of the package.
        folder: The folder that it runs from.
        evaluate: Whether the extra that computes figures is installed with it.
    """

    version: str
    folder: Path
    evaluate: bool
