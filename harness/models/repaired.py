"""Repairs that live in a model's file: whether a model can have them, and the graph with its rewrites made."""

import difflib
from pathlib import Path

from harness.errors import Code, FarmError
from harness.models.layers import layers_of
from harness.models.rewrites.rewritten import rewritten
from harness.models.samples import SampleSet
from harness.models.source import Kind, ModelSource
from harness.precision import REWRITES, Weights


def why_not(source: ModelSource, weights: Weights, samples: SampleSet, *, cache: Path | None = None) -> str | None:
    """Return why an .onnx model cannot have the rewrites or the float layers of some weights, or None where it can.

    Raises:
        FarmError: conversion-failed or reference-failed, finding out failed.
    """
    if weights.keep_float and (reason := _no_such_layers(source, weights, cache)):
        return reason
    if not weights.rewrites:
        return None
    if weights.calibrated and "mean-pool" in weights.rewrites:
        return "mean-pool does not go with calibrated: mnnquant crashes on ReduceMean over height and width"
    found = rewritten(source, weights.rewrites, samples, cache=cache)
    return found if isinstance(found, str) else None


def rewrites_of(source: ModelSource, samples: SampleSet, *, cache: Path | None = None) -> tuple[str, ...]:
    """Return the rewrites that change something in an .onnx model, and not what it computes."""

    def applies(name: str) -> bool:
        try:
            return why_not(source, Weights(rewrites=(name,)), samples, cache=cache) is None
        except FarmError:
            return False  # whoever asks for this rewrite alone is told why

    return tuple(name for name in REWRITES if applies(name)) if source.kind is Kind.ONNX else ()


def graph_of(
    source: ModelSource, weights: Weights, samples: SampleSet, *, cache: Path | None = None
) -> tuple[Path, str]:
    """Return the .onnx file to convert, with its sha256: the model's own, or that with the rewrites made.

    Raises:
        FarmError: conversion-failed, a rewrite changes what the model computes, or nothing; reference-failed.
    """
    if not weights.rewrites:
        return source.path, source.sha256
    found = rewritten(source, weights.rewrites, samples, cache=cache)
    if isinstance(found, str):
        raise FarmError(Code.CONVERSION_FAILED, f"model {source.name}: {found}")
    return found.path, found.sha256


def _no_such_layers(source: ModelSource, weights: Weights, cache: Path | None) -> str | None:
    names = [layer.name for layer in layers_of(source, calibrated=weights.calibrated, cache=cache)]
    unknown = [name for name in weights.keep_float if name not in names]
    if unknown:
        near = difflib.get_close_matches(unknown[0], names, n=1, cutoff=0)
        hint = f"; the nearest name is {near[0]}" if near else "; it has no layer with weights"
        more = f" (and {len(unknown) - 1} more of the names under keep_float)" if len(unknown) > 1 else ""
        return f"it has no layer {unknown[0]} that could be kept float{more}{hint}"
    if len(weights.keep_float) == len(names):
        return "keep_float names all of its layers, so that none is left to be quantised"
    return None
