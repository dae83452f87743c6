"""The timm architectures, and their way to ONNX."""

import copy
from pathlib import Path
from typing import Any

import torch

_TORCHVISION_OPERATORS = (
    "nms",
    "qnms",
    "roi_align",
    "roi_pool",
    "ps_roi_align",
    "ps_roi_pool",
    "deform_conv2d",
)


def create(architecture: str, size: int, classes: int) -> Any:
    """Return a timm model with fresh weights for images of size x size.

    Raises:
        RuntimeError: timm knows no such architecture.
    """
    timm = _import_timm()
    # The Microsoft family fixes its resolution when it is built; the MIT family takes any.
    options = {"img_size": size} if architecture.startswith("efficientvit_m") else {}
    return timm.create_model(architecture, pretrained=False, num_classes=classes, **options)


def restored(model: Any, checkpoint: Path) -> Any:
    """Return a model with the weights of a checkpoint."""
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    return model


def export(model: Any, size: int, classes: int, path: Path) -> None:
    """Write a trained model as ONNX: `input` float32 [1, 3, size, size] to `logits` [1, classes]."""
    model = _head_folded(copy.deepcopy(model).eval())
    # The tracing exporter names nodes after modules, by which operators are grouped into blocks later.
    torch.onnx.export(
        model,
        (torch.zeros(1, 3, size, size),),
        str(path),
        input_names=["input"],
        output_names=["logits"],
        opset_version=17,
        do_constant_folding=True,
        dynamo=False,
    )
    _declare_output(path, (1, classes))


def _head_folded(model: Any) -> Any:
    """Fold a batch normalisation before the last layer; the exporter folds only those that come after."""
    if hasattr(model.head, "fuse"):
        model.head = model.head.fuse()
    return model


def _declare_output(path: Path, shape: tuple[int, ...]) -> None:
    """State the output's shape in the file: behind a Reshape the exporter leaves a name for a length."""
    import onnx

    model = onnx.load(str(path))
    for dim, length in zip(model.graph.output[0].type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = length
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def _import_timm() -> Any:
    try:
        import timm
    except RuntimeError:
        # A torchvision built for another torch lacks its compiled operators; timm needs their names only.
        library = torch.library.Library("torchvision", "DEF")
        for name in _TORCHVISION_OPERATORS:
            for operator in (name, f"_{name}_backward"):
                library.define(f"{operator}(Tensor a) -> Tensor")
        import timm
    return timm
