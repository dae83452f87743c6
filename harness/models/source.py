"""A model as the user named it: where it is, and what goes in and comes out."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from harness.errors import Code, InputError
from harness.models.signature import Signature


class Kind(StrEnum):
    """The file formats that a model may come in."""

    ONNX = "onnx"
    MNN = "mnn"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model that was found and looked into.

    Attributes:
        name: the user's name for it.
        origin: what the experiment said (`file: …`, `bundled: …`, `timm: …`), for the report.
        path: the file that is used: the user's, or a copy in the cache with its shapes fixed.
        sha256: of that file; all of the model is in it.
        card: what is known of it: of a bundled model its card.json, of a timm model its preprocessing.
    """

    name: str
    origin: str
    kind: Kind
    path: Path
    sha256: str
    signature: Signature
    card: dict[str, object] = field(default_factory=dict)


def resolve(
    *,
    name: str,
    file: Path | None = None,
    bundled: str | None = None,
    timm: str | None = None,
    state_dict: Path | None = None,
    size: int | None = None,
    cache: Path | None = None,
) -> ModelSource:
    """Find a model and look into it.

    Args:
        name: the user's name for it.
        file: an .onnx or .mnn file; excludes `bundled` and `timm`.
        bundled: the name of a model that comes with the project.
        timm: the name of a timm model; needs the extra [timm].
        state_dict: weights for the timm model, instead of its pretrained ones.
        size: height and width for a model whose own are dynamic, pixels.
        cache: the cache's folder, or None for the usual one.

    Raises:
        InputError: (bad-model) there is no such model, or it is not one that can be measured: one float32
            input [1, 1 or 3, H, W] and one output [1, classes].
        FarmError: the model could not be exported, or onnxruntime cannot run it.
    """
    if sum(choice is not None for choice in (file, bundled, timm)) != 1:
        raise InputError(Code.BAD_MODEL, f"model {name}: give exactly one of file, bundled and timm")
    if bundled is not None:
        return _bundled(name, bundled)
    if timm is not None:
        return _timm(name, timm, state_dict=state_dict, size=size, cache=cache)
    assert file is not None  # noqa: S101 - for the type checker
    return _file(name, file, size=size, cache=cache)


def _file(name: str, file: Path, *, size: int | None, cache: Path | None) -> ModelSource:
    from harness.models import mnn_file, onnx_file

    if not file.is_file():
        raise InputError(Code.BAD_MODEL, f"model {name}: there is no file {file}")
    reader = {".onnx": onnx_file.load, ".mnn": mnn_file.load}.get(file.suffix.lower())
    if reader is None:
        raise InputError(Code.BAD_MODEL, f"model {name}: {file.name} is neither an .onnx nor an .mnn file")
    path, sha256, signature = reader(file.absolute(), name=name, size=size, cache=cache)
    return ModelSource(name, f"file: {file}", Kind(file.suffix.lower()[1:]), path, sha256, signature)


def _bundled(name: str, bundled: str) -> ModelSource:
    from harness.models import bundle, onnx_file

    found = bundle.find(bundled)
    path, sha256, signature = onnx_file.load(found.model, name=name, size=None, cache=None)
    return ModelSource(name, f"bundled: {found.name}", Kind.ONNX, path, sha256, signature, found.card)


def _timm(name: str, timm: str, *, state_dict: Path | None, size: int | None, cache: Path | None) -> ModelSource:
    from harness.models import onnx_file, timm_export

    exported = timm_export.export(timm, state_dict=state_dict, size=size, cache=cache)
    path, sha256, signature = onnx_file.load(exported.path, name=name, size=size, cache=cache)
    return ModelSource(name, f"timm: {timm}", Kind.ONNX, path, sha256, signature, exported.card)
