"""Diagnosis is pure: no engine comes with it."""

from pathlib import Path

import harness.diagnose
from tests.models.test_processes import loaded_after

MODULES = [f"harness.diagnose.{path.stem}" for path in Path(harness.diagnose.__file__).parent.glob("[!_]*.py")]


def test_importing_the_package_loads_no_engine() -> None:
    heavy = {"MNN", "_tools", "_mnncengine", "onnx", "onnxruntime", "torch", "timm", "ray"}
    assert not heavy & loaded_after(f"import {', '.join(MODULES)}")
