"""Layers that stay float in a file of quantised weights; the tools are told by the layers' names in the .mnn file.

The converter takes a file of compression parameters, in which a layer with `"bits": 0` stays as it is: the JSON form
of its own message `Pipeline`, where `forGuide` says that it guides a quantisation and is no record of one. mnnquant
takes a list in its configuration. Both ignore a name that they do not know, so what they made is read again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import Code, FarmError
from harness.models import mnn_tool

DEADLINE_S = 300.0


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer whose weights MNN's tools can quantise: a convolution, or a product with a matrix that is constant.

    Attributes:
        name: in the .mnn file; a grouped convolution is one layer a group, `…__group__0` and so on.
        kernel: height and width.
    """

    name: str
    inputs: int
    outputs: int
    kernel: tuple[int, int]


def float_layers(mnn: Path) -> tuple[Layer, ...]:
    """Return the layers of an .mnn file that are float and could be quantised, in the file's order.

    Raises:
        ToolError: MNN crashed on the file, or did not end in time.
    """
    found = mnn_tool.ask("layers", mnn=str(mnn), deadline_s=DEADLINE_S).values["layers"]
    return tuple(Layer(each["name"], each["inputs"], each["outputs"], tuple(each["kernel"])) for each in found)


def compression_parameters(names: Sequence[str], version: str) -> dict[str, Any]:
    """Return what goes into the converter's `--compressionParamsFile` so that these layers stay float.

    Args:
        names: of the layers.
        version: of MNN.
    """
    layers = [{"opName": name, "weight": [{"name": name, "bits": 0}]} for name in names]
    algorithm = {"type": "QUANTIZE", "quantParams": {"layer": layers}}
    return {"version": version, "forGuide": True, "algo": [algorithm]}


def write_parameters(folder: Path, names: Sequence[str]) -> Path:
    """Write `compression_parameters` into a folder; return the file, which MNN knows by its ending .json."""
    path = folder / "compression.json"
    path.write_text(json.dumps(compression_parameters(names, mnn_tool.mnn_version())), encoding="utf-8")
    return path


def check(made: Path, names: Sequence[str]) -> None:
    """Look whether some layers are float in a file that was made.

    Raises:
        ToolError: MNN crashed on the file, or did not end in time.
        FarmError: (conversion-failed) one of them is not.
    """
    missing = sorted(set(names) - {each.name for each in float_layers(made)})
    if missing:
        raise FarmError(
            Code.CONVERSION_FAILED, f"the tool quantised layers that are to stay float: {_listed(missing)}"
        )


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
