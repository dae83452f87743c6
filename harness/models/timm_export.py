"""A timm model as an ONNX file, exported once. Needs the extra [timm]; torch runs in a process of its own."""

import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import cast

from harness.cache import cache_root
from harness.errors import Code, FarmError, InputError
from harness.models.cache import Notes, keep, key_of, look_up, making, sha256_of
from harness.models.worker_process import ToolError, ask_worker

RECIPE = 1
"""Part of every key: raise it when the way of exporting changes."""

DEADLINE_S = 1800.0
"""Seconds, with the download of pretrained weights."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model: its file in the cache, and what timm knows about it (size, mean, std)."""

    path: Path
    card: dict[str, object]


def export(
    name: str, *, state_dict: Path | None = None, size: int | None = None, cache: Path | None = None
) -> Exported:
    """Return a timm model as an ONNX file.

    Args:
        name: as timm writes it, with or without the tag of its weights.
        state_dict: a .pth or .safetensors file of weights; None for the pretrained ones, which timm downloads
            unless it has them. Classes and channels are as the weights have them.
        size: height and width, pixels; None for the model's own.
        cache: the cache's folder, or None for the usual one.

    Raises:
        InputError: (machine-not-ready) torch or timm is not installed; (bad-model) there is no such model, or
            its weights cannot be had or do not fit.
        FarmError: (conversion-failed) torch could not export it.
    """
    if state_dict is not None and not state_dict.is_file():
        raise InputError(Code.BAD_MODEL, f"there is no state dict {state_dict}")
    weights = None if state_dict is None else sha256_of(state_dict)
    key = key_of(recipe=RECIPE, name=name, weights=weights, size=size, made_by=_versions())
    path = (cache or cache_root()).absolute() / "timm" / f"{key}.onnx"
    with making(path):
        notes = look_up(path) or _make(path, name, state_dict=state_dict, size=size)
    return Exported(path, cast(dict[str, object], notes["card"]))


def _make(path: Path, name: str, *, state_dict: Path | None, size: int | None) -> Notes:
    with tempfile.TemporaryDirectory(prefix="farm-timm-") as folder:
        onnx = Path(folder, "model.onnx")
        request = {
            "name": name,
            "state_dict": None if state_dict is None else str(state_dict.absolute()),
            "size": size,
            "onnx": str(onnx),
        }
        try:
            answer = ask_worker("timm_worker", request, deadline_s=DEADLINE_S)
        except ToolError as error:
            raise FarmError(Code.CONVERSION_FAILED, f"timm model {name}: the export {error}") from error
        if "mistake" in answer.values:
            raise InputError(Code.BAD_MODEL, f"timm model {name}: {answer.values['mistake']}")
        return keep(path, onnx.read_bytes(), card=answer.values["card"])


def _versions() -> list[str]:
    try:
        return [f"{package} {metadata.version(package)}" for package in ("torch", "timm")]
    except metadata.PackageNotFoundError as error:
        raise InputError(
            Code.MACHINE_NOT_READY,
            f"timm models need {error.name}, which is not installed",
            "Install the extra: pip install 'precision-farm[timm]'.",
        ) from error
