"""Production never reaches torch, onnx or the training; onnxruntime is reached from one room only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "nesqc_gmp"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "training" not in path.relative_to(PACKAGE).parts)
TRAINS = PACKAGE / "cli" / "models_train.py"
"""The one command that reaches training, and only when it is called."""


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def _reaches(path: Path, *wanted: str) -> bool:
    return any(name == root or name.startswith(f"{root}.") for name in _imports(path) for root in wanted)


@pytest.mark.requirement("UR-MODELS-06", reviewed="e5fd1ec1")
def test_nothing_but_training_imports_torch_or_onnx_or_training() -> None:
    roots = ("torch", "onnx", "onnxscript", "nesqc_gmp.training")
    assert [str(path) for path in MODULES if path != TRAINS and _reaches(path, *roots)] == []


def test_the_command_that_trains_imports_training_only_when_it_is_called() -> None:
    tree = ast.parse(TRAINS.read_text(encoding="utf-8"))
    at_import = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert _reaches(TRAINS, "nesqc_gmp.training")
    assert not _reaches(TRAINS, "torch", "onnx", "onnxscript")
    assert not any(module and module.startswith("nesqc_gmp.training") for module in at_import)


def test_onnxruntime_is_imported_in_one_room() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0] for path in MODULES if _reaches(path, "onnxruntime")}
    assert rooms == {"inference"}


@pytest.mark.requirement("UR-MODELS-06", reviewed="e5fd1ec1")
@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("nesqc_gmp.inference.engine", ["torch", "onnx", "onnxscript"]),
        ("nesqc_gmp.modelpack.lock", ["torch", "onnx", "onnxruntime", "numpy"]),
        ("nesqc_gmp.simulation.culture", ["torch", "onnx", "onnxruntime", "scipy", "pydantic"]),
        ("nesqc_gmp.records.models", ["numpy", "onnxruntime", "torch"]),
        ("nesqc_gmp.cli.models", ["numpy", "onnxruntime", "torch", "onnx", "nesqc_gmp.training"]),
    ],
)
def test_importing_a_room_loads_nothing_heavy(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
