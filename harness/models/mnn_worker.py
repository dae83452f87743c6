"""The process in which MNN runs on the coordinator: one request, one answer, then it ends.

Started as `python -m harness.models.mnn_worker REQUEST ANSWER` (see `mnn_tool`). Both are JSON files, and
arrays travel as .npy files: MNN prints on stdout whenever it likes, so nothing is answered there. Only
`_tools` and `MNN` are imported, never MNN's console scripts, which report to a logging service.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.models.mnn_graph import graph
from harness.models.worker_main import Answer, Request, serve


def convert(request: Request) -> Answer:
    """Convert `onnx` to `mnn` with `flags`. MNN returns True whatever happens; the caller checks the file."""
    import _tools

    files = ["--modelFile", request["onnx"], "--MNNModel", request["mnn"]]
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", *files, "--bizCode", "farm", *request["flags"]])
    return {}


def quantise(request: Request) -> Answer:
    """Quantise `source` to `mnn` by the JSON file `config`. The list is one argument: three abort."""
    import _tools

    _tools.mnnquant(["mnnquant", request["source"], request["mnn"], request["config"]])
    return {}


def layers(request: Request) -> Answer:
    """Return the layers of `mnn` whose weights are float and could be quantised: name, channels, kernel.

    MNN lists them itself, into a file of compression parameters that is not there yet, while it quantises a copy.
    """
    import _tools

    listed, copy = Path("layers.json"), "quantised.mnn"
    files = ["--modelFile", request["mnn"], "--MNNModel", copy, "--compressionParamsFile", str(listed)]
    _tools.mnnconvert(["mnnconvert", "-f", "MNN", *files, "--bizCode", "farm", "--weightQuantBits", "8"])
    found = json.loads(listed.read_text(encoding="utf-8"))["algo"][0]["quantParams"].get("layer", [])
    return {"layers": [_layer(each["opName"], each["conv"]) for each in found]}


def _layer(name: str, convolution: dict[str, Any]) -> Answer:
    width, height = convolution["kernelSize"]
    return {
        "name": name,
        "inputs": convolution["inputChannel"],
        "outputs": convolution["outputChannel"],
        "kernel": [height, width],
    }


def inspect(request: Request) -> Answer:
    """Return the inputs and outputs of `model`: name, shape, dtype. Dynamic sizes (-1) become `size`, if given."""
    import MNN

    network = MNN.Interpreter(request["model"])
    session = network.createSession({"backend": 0, "numThread": 1, "precision": 1})
    variables = MNN.expr.load_as_dict(request["model"])
    for tensor in network.getSessionInputAll(session).values():
        if request.get("size") and -1 in tensor.getShape():
            network.resizeTensor(tensor, tuple(request["size"] if n == -1 else n for n in tensor.getShape()))
            network.resizeSession(session)

    def described(tensors: dict[str, Any]) -> list[Answer]:
        return [
            {"name": name, "shape": list(tensor.getShape()), "dtype": _dtype(variables.get(name))}
            for name, tensor in sorted(tensors.items())
        ]

    return {
        "inputs": described(network.getSessionInputAll(session)),
        "outputs": described(network.getSessionOutputAll(session)),
        "made_by": network.getModelVersion(),
    }


def run(request: Request) -> Answer:
    """Run `model` on every image of the .npy file `x`, one at a time; the outputs go to the .npy file `y`.

    By the code that runs it on a device: whole, or as the chain of its `segments`.
    """
    import numpy as np

    from harness.agent.inference import Model
    from harness.agent.preprocess import prepared

    asked = {name: request[name] for name in ("runtime", "hints", "segments")}
    model = Model(
        {"model_path": request["model"], "inputs": [request["input"]], "outputs": [request["output"]], **asked}
    )
    images = np.load(request["x"], mmap_mode="r", allow_pickle=False)
    fed = (prepared(images, index, request["mean"], request["std"]) for index in range(len(images)))
    outputs = [model.forward(image)[0][0] for image in fed]
    np.save(request["y"], np.concatenate(outputs), allow_pickle=False)
    return {"images": len(outputs)}


def _dtype(variable: Any) -> str:
    return "unknown" if variable is None else str(variable.dtype).rpartition(".")[2]


OPERATIONS: dict[str, Callable[[Request], Answer]] = {
    "convert": convert,
    "quantise": quantise,
    "layers": layers,
    "inspect": inspect,
    "run": run,
    "graph": graph,
}


if __name__ == "__main__":
    serve(lambda request: OPERATIONS[request["op"]](request))
