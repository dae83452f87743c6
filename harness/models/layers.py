"""The layers of a model that MNN's tools can quantise, by the names under which they can be kept float."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from harness.cache import cache_root
from harness.errors import Code, FarmError
from harness.models import mnn_tool
from harness.models.build import build_float
from harness.models.cache import keep, key_of, look_up, making
from harness.models.kept_float import Layer, float_layers
from harness.models.source import ModelSource
from harness.precision import Weights

RECIPE = 1
"""Part of every key: raise it when the way a model's layers are found changes."""

_DEADLINE_S = 900.0


def layers_of(source: ModelSource, *, calibrated: bool = False, cache: Path | None = None) -> tuple[Layer, ...]:
    """Return the layers that can be quantised, in the order of the .mnn file.

    Rewrites of the graph leave them as they are, so these are the layers of a rewritten model too.

    Args:
        source: an .onnx model.
        calibrated: whether for int8 by mnnquant, which is given a graph with its constants folded.
        cache: the cache's folder, or None for the usual one.

    Raises:
        FarmError: conversion-failed; reference-failed, onnxruntime could not prepare the model for int8.
    """
    key = key_of(recipe=RECIPE, onnx=source.sha256, calibrated=calibrated, mnn=mnn_tool.mnn_version())
    path = (cache or cache_root()).absolute() / "layers" / f"{key}.json"
    with making(path):
        if look_up(path) is None:
            found = _found(source, Weights(calibrated=calibrated))
            keep(path, json.dumps([asdict(each) for each in found]).encode(), model=source.name)
        kept = json.loads(path.read_bytes())
    return tuple(Layer(**{**each, "kernel": tuple(each["kernel"])}) for each in kept)


def _found(source: ModelSource, weights: Weights) -> tuple[Layer, ...]:
    with tempfile.TemporaryDirectory(prefix="farm-layers-") as folder:
        try:
            return float_layers(build_float(source.path, weights, Path(folder, "base.mnn"), deadline_s=_DEADLINE_S))
        except mnn_tool.ToolError as error:
            what = f"the layers of model {source.name} could not be listed: MNN"
            raise FarmError(Code.CONVERSION_FAILED, f"{what} {error}") from error
