"""The process in which a timm model becomes an ONNX file; torch is loaded nowhere else.

Started through `worker_process`. Known mistakes of the user's come back as {"mistake": …}; anything else is
an exception, whose traceback the asking process shows.
"""

import pickle
import re
import struct
import sys
from pathlib import Path
from typing import Any

from harness.models.worker_main import Answer, Request, serve

OPSET = 17

# What torch's unpickler is seen to raise on files that are something else.
_UNREADABLE = (OSError, ValueError, RuntimeError, LookupError, EOFError, struct.error, pickle.UnpicklingError)
_MOST_OPERATORS = 40


def export(request: Request) -> Answer:
    """Export `name` (weights: `state_dict`, or pretrained ones) at `size` pixels, or its own, to `onnx`."""
    timm = import_timm()
    if not timm.is_model(request["name"].partition(".")[0]):
        return {"mistake": f"timm {timm.__version__} has no model {request['name']!r}"}
    config = _pretrained_config(timm, request["name"])
    if request["state_dict"]:
        model, mistake = _with_state_dict(timm, request, config)
    else:
        model, mistake = _pretrained(timm, request)
    if mistake:
        return {"mistake": mistake}
    shape = _shape(model, request["size"])
    _write(model.eval(), shape, request["onnx"])
    return {"card": _card(timm, model, request, shape)}


def import_timm() -> Any:
    """Import timm beside a torchvision whose compiled operators do not load.

    Some builds of torch and torchvision do not fit: torchvision then fails to import because it describes
    operators that nobody registered. No image model needs them, so empty ones are registered.
    """
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for _ in range(_MOST_OPERATORS):
        try:
            import timm
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            library.define(f"{missing[1]}(Tensor unused) -> Tensor")
            _forget("torchvision", "timm")
        else:
            import_timm.kept = library  # type: ignore[attr-defined]
            return timm
    raise RuntimeError("torchvision misses too many operators")


def _forget(*packages: str) -> None:
    """Drop half-imported packages, so that they can be imported again."""
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


def _pretrained_config(timm: Any, name: str) -> dict[str, Any]:
    found = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    return found.to_dict() if found else {}


def _with_state_dict(timm: Any, request: Request, config: dict[str, Any]) -> tuple[Any, str]:
    try:
        state = timm.models.load_state_dict(request["state_dict"], use_ema=True, weights_only=True)
    except _UNREADABLE as error:
        return None, f"{Path(request['state_dict']).name} is no state dict: {error}"
    chosen = {}
    for option, layer, axis in (("num_classes", "classifier", 0), ("in_chans", "first_conv", 1)):
        weights = state.get(f"{config.get(layer)}.weight")
        if weights is not None:
            chosen[option] = int(weights.shape[axis])
    model = _create(timm, request, pretrained=False, **chosen)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        return None, f"{Path(request['state_dict']).name} does not fit {request['name']}: {str(error)[:500]}"
    return model, ""


def _pretrained(timm: Any, request: Request) -> tuple[Any, str]:
    try:
        return _create(timm, request, pretrained=True), ""
    except (OSError, RuntimeError) as error:
        return None, f"the weights of {request['name']} could not be had: {str(error)[:300]}; give a state_dict"


def _create(timm: Any, request: Request, **options: Any) -> Any:
    if request["size"]:
        try:
            return timm.create_model(request["name"], img_size=request["size"], **options)
        except TypeError:
            pass  # an architecture that takes any size has no such option
    return timm.create_model(request["name"], **options)


def _shape(model: Any, size: int | None) -> tuple[int, int, int, int]:
    channels, height, width = model.pretrained_cfg["input_size"]
    channels = next(p.shape[1] for p in model.parameters() if p.ndim == 4)
    return (1, channels, size or height, size or width)


def _write(model: Any, shape: tuple[int, ...], onnx: str) -> None:
    import torch

    with torch.no_grad():
        # The TorchScript exporter: the newer one needs another package and leaves helper functions behind.
        torch.onnx.export(
            model,
            (torch.zeros(shape),),
            onnx,
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["logits"],
        )


def _card(timm: Any, model: Any, request: Request, shape: tuple[int, ...]) -> dict[str, Any]:
    config = model.pretrained_cfg
    return {
        "architecture": request["name"],
        "weights": Path(request["state_dict"]).name if request["state_dict"] else "pretrained",
        "timm": timm.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "size": shape[2],
        "mean": list(config["mean"]),
        "std": list(config["std"]),
    }


if __name__ == "__main__":
    serve(export)
