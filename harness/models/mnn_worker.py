"""The process in which MNN runs on the coordinator: one request, one answer, then it ends.

Started as `python -m harness.models.mnn_worker REQUEST ANSWER` (see `mnn_tool`). Both are JSON files, and
arrays travel as .npy files: MNN prints on stdout whenever it likes, so nothing is answered there. Only
`_tools` and `MNN` are imported, never MNN's console scripts, which report to a logging service.
"""

from collections.abc import Callable
from typing import Any

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
    """Run `model` on every image of the .npy file `x`, one at a time; the outputs go to the .npy file `y`."""
    import numpy as np

    from harness.agent.preprocess import prepared

    forward = _forward(request)
    images = np.load(request["x"], mmap_mode="r", allow_pickle=False)
    outputs = [forward(prepared(images, index, request["mean"], request["std"])) for index in range(len(images))]
    np.save(request["y"], np.concatenate(outputs), allow_pickle=False)
    return {"images": len(outputs)}


def _forward(request: Request) -> Callable[[Any], Any]:
    import MNN
    import numpy as np

    engine = MNN.nn.create_runtime_manager((request["runtime"],))
    for number, value in request["hints"]:
        engine.set_hint(number, value)
    module = MNN.nn.load_module_from_file(
        request["model"], [request["input"]], [request["output"]], runtime_manager=engine
    )

    def forward(image: Any) -> Any:
        given = MNN.expr.const(np.ascontiguousarray(image), list(image.shape), MNN.expr.NCHW)
        result = module.forward([given])[0]
        # An output can be kept in the engine's own layout, in which `read` would give scrambled numbers.
        return np.array(MNN.expr.convert(result, MNN.expr.NCHW).read(), copy=True)

    return forward


def _dtype(variable: Any) -> str:
    return "unknown" if variable is None else str(variable.dtype).rpartition(".")[2]


OPERATIONS: dict[str, Callable[[Request], Answer]] = {
    "convert": convert,
    "quantise": quantise,
    "inspect": inspect,
    "run": run,
}


if __name__ == "__main__":
    serve(lambda request: OPERATIONS[request["op"]](request))
