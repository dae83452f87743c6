"""A model's card: what it is, how good it is, and the command that made it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from harness.training.dataset import CLASSES, MEAN, STD, Split

PREPROCESSING = "28x28 grey upscaled as uint8 (Pillow, bilinear), repeated to RGB, (x / 255 - mean) / std"


def top1(path: Path, split: Split) -> float:
    """Return top-1 of an ONNX file by onnxruntime on images [N, S, S] uint8, 0..1."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    hits = 0
    for image, label in zip(split.images, split.labels, strict=True):
        # float32 throughout, as devices compute it.
        value = (image.astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
        answer = session.run(None, {"input": np.broadcast_to(value, (1, 3, *image.shape)).copy()})[0]
        hits += int(answer.argmax() == label)
    return hits / len(split.labels)


def card(path: Path, **facts: Any) -> dict[str, Any]:
    """Return the card of the model at `path`: what `facts` tell and what follows from the file."""
    size = facts["size"]
    return {
        **facts,
        "input": {"name": "input", "shape": [1, 3, size, size]},
        "output": {"name": "logits", "shape": [1, len(CLASSES)]},
        "mean": [MEAN] * 3,
        "std": [STD] * 3,
        "preprocessing": PREPROCESSING,
        "classes": list(CLASSES),
        "data": "Fashion-MNIST (Zalando SE), Debian package dataset-fashion-mnist",
        "data_licence": "Expat",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def write(folder: Path, facts: dict[str, Any]) -> None:
    """Write card.json, for programs, and card.md, for people."""
    (folder / "card.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    rows = "\n".join(f"| {key.replace('_', ' ')} | {_shown(value)} |" for key, value in facts.items())
    text = f"# {facts['name']}\n\n| | |\n|---|---|\n{rows}\n"
    (folder / "card.md").write_text(text, encoding="utf-8")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)
