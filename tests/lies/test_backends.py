"""A backend that is not there: asked for by name, the engine would quietly use the CPU."""

import pytest

from harness.results import Status, Verdict
from tests.lies.field import Field


@pytest.mark.parametrize("backend", ["opencl", "vulkan"])
def test_a_missing_backend_is_unsupported_and_never_the_cpu(field: Field, backend: str) -> None:
    told = field.run(precisions=["fp32", {"name": "gpu", "backend": backend}], sampling={"max_images": 4, "batch": 4})
    cell = told.cell(precision="gpu")
    assert (cell.status, cell.verdict) == (Status.UNSUPPORTED, Verdict.NA)
    assert f"no backend {backend.upper()}" in cell.reason
    assert cell.metrics is None
    assert cell.timing is None
    assert told.cell(precision="fp32").status is Status.MEASURED
