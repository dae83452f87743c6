"""Blocks of bundled models, as the .mnn file has them, are all foretold from the ONNX model."""

import pytest

from harness.diagnose.blocks import blocks
from harness.diagnose.lint.blocks import foretell, nodes_between
from harness.diagnose.lint.calibration import observe
from harness.diagnose.lint.hazard import Reduced
from tests.diagnose.conftest import Converted


@pytest.mark.parametrize("name", ["b0", "m0"])
def test_every_block_is_foretold(name: str, request: pytest.FixtureRequest) -> None:
    converted: Converted = request.getfixturevalue(name)
    graph, calibration = observe(converted.source.path, [converted.samples.fed(0)])
    parts = blocks(converted.graph)
    found = foretell(graph, calibration, parts)
    assert list(found) == [block.name for block in parts]
    assert all(1e-4 < error < 0.1 for error in found.values())
    inside = [set(nodes_between(graph, block.inputs, block.outputs)) for block in parts]
    assert sum(map(len, inside)) == len(set().union(*inside))
    stored = foretell(graph, calibration, parts, Reduced.W8)
    assert all(0 < stored[block] < 0.1 for block in found)


def test_errors_measured_on_a_device_are_foretold(b0: Converted) -> None:
    """Local errors of blocks of the bundled B0 on an emulated Cortex-A76 with MNN 3.6.1, three images, fp16."""
    measured = {
        "stem": 0.00181,
        "stages.2.blocks.0": 0.00202,
        "stages.2.blocks.2.context_module": 0.00097,
        "stages.3.blocks.0": 0.00274,
        "stages.3.blocks.2.local_module": 0.00095,
        "head.classifier": 0.00566,
    }
    graph, calibration = observe(b0.source.path, [b0.samples.fed(index) for index in range(3)])
    found = foretell(graph, calibration, blocks(b0.graph))
    for block, error in measured.items():
        assert found[block] == pytest.approx(error, rel=0.35)
    assert sorted(measured, key=lambda block: found[block])[-2:] == ["stages.3.blocks.0", "head.classifier"]
