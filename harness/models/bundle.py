"""The models and samples that come with the project, each folder of models with its card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.errors import Code, InputError

FOLDER = Path(__file__).with_name("bundled")
_DATASET = "_fmnist"


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bundled model: its folder's name, its ONNX file and its card."""

    name: str
    model: Path
    card: dict[str, object]


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the names of the bundled models, sorted."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/model.onnx")))


def find(name: str, folder: Path = FOLDER) -> Bundled:
    """Return a bundled model by its folder's name, or that name without the data set at its end.

    Raises:
        InputError: (bad-model) there is no such model; the message has the list.
    """
    known = names(folder)
    full = name if name in known else name + _DATASET
    if full not in known:
        raise InputError(
            Code.BAD_MODEL,
            f"no bundled model is called {name!r}; there are: {', '.join(_short(each) for each in known) or 'none'}",
        )
    card = json.loads((folder / full / "card.json").read_text(encoding="utf-8"))
    return Bundled(full, folder / full / "model.onnx", cast(dict[str, object], card))


def _short(name: str) -> str:
    return name.removesuffix(_DATASET)
