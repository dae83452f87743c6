"""The control of a cell: the same model whole, in plain fp32, with which everything within the cell is compared."""

from typing import Any, Dict

HIGH = 1
"""MNN's precision high: fp32."""

Setup = Dict[str, Any]


def control_of(setup: Setup, model_path: str) -> Setup:
    """Return the setup that runs the fp32 file at `model_path` without a cell's memory mode, hints and segments."""
    runtime = dict(setup["runtime"], precision=HIGH, memory=0)
    return dict(setup, model_path=model_path, runtime=runtime, hints=[], segments=[])
