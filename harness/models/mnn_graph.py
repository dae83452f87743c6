"""What `mnn_worker` does to read a model's graph: the file's own structure, and what a session made of it."""

import json
from pathlib import Path
from typing import Any

from harness.models.worker_main import Answer, Request

_DUMP = "graph.json"


def graph(request: Request) -> Answer:
    """Return the operators and tensors of `model`, and what ran when its `input` had the `shape` given.

    `operators`: name, type, inputs, outputs, in the file's order. `tensors`: name, shape, format, dtype, and
    what it is `made_by`, which tells apart what the file calls BinaryOp (ADD, REALDIV, ...).
    `ran`: name, type, flops (millions) of everything that a session ran, helpers included, in order.
    """
    model, name, shape = request["model"], request["input"], tuple(request["shape"])
    return {
        "operators": _operators(model),
        "tensors": _tensors(model, name, shape),
        "ran": _ran(model, name, shape),
    }


def _operators(model: str) -> list[Answer]:
    import _tools

    # Only the file itself tells an operator's name and all its outputs: MNN.expr knows tensors alone.
    _tools.mnnconvert(["mnnconvert", "-f", "MNN", "--modelFile", model, "--JsonFile", _DUMP, "--bizCode", "farm"])
    with Path(_DUMP).open(encoding="utf-8") as stream:
        net = json.load(stream, object_hook=_without_weights)
    names = net["tensorName"]
    return [
        {
            "name": operator.get("name", ""),
            "type": operator["type"],
            "inputs": [names[index] for index in operator.get("inputIndexes", []) if index >= 0],
            "outputs": [names[index] for index in operator.get("outputIndexes", [])],
        }
        for operator in net["oplists"]
    ]


def _without_weights(part: dict[str, Any]) -> dict[str, Any]:
    # Called as soon as an object has been read, so that the weights of one operator at most are in memory.
    return {key: value for key, value in part.items() if key != "main"} if "oplists" not in part else part


def _tensors(model: str, name: str, shape: tuple[int, ...]) -> list[Answer]:
    import MNN

    variables = MNN.expr.load_as_dict(model)
    if tuple(variables[name].shape) != shape:
        variables[name].resize(list(shape))
    return [
        {
            "name": key,
            "shape": list(variable.shape or []),
            "format": str(variable.data_format).rpartition(".")[2],
            "dtype": str(variable.dtype).rpartition(".")[2],
            "made_by": str(variable.op_type),
        }
        for key, variable in variables.items()
    ]


def _ran(model: str, name: str, shape: tuple[int, ...]) -> list[Answer]:
    import MNN
    import numpy as np

    network = MNN.Interpreter(model)
    session = network.createSession({"backend": 0, "numThread": 1, "precision": 1})
    given = network.getSessionInput(session, name)
    if tuple(given.getShape()) != shape:
        network.resizeTensor(given, shape)
        network.resizeSession(session)
    image = np.zeros(shape, np.float32)
    given.copyFrom(MNN.Tensor(shape, MNN.Halide_Type_Float, image, MNN.Tensor_DimensionType_Caffe))
    found: list[Answer] = []

    def note(_: list[Any], info: Any) -> bool:
        found.append({"name": info.getName(), "type": info.getType(), "flops": float(info.getFlops())})
        return True

    network.runSessionWithCallBackInfo(session, lambda *_: True, note)
    return found
