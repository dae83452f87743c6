"""`python -m harness.training`: train a bundled model and write it with its card, or write the samples."""

import argparse
import importlib.metadata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness.training import cards, dataset
from harness.training.dataset import Dataset, Split, upscale

FAMILIES = {
    "efficientvit_b0": "MIT EfficientViT (ReLU linear attention)",
    "efficientvit_m0": "Microsoft EfficientViT (cascaded group attention)",
}
EPOCHS = {"efficientvit_b0": 7, "efficientvit_m0": 14}
SIZE = 64


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m harness.training", description=__doc__)
    parser.add_argument(
        "--model", choices=sorted(FAMILIES), help="which model; without it only the samples are written"
    )
    parser.add_argument("--out", type=Path, default=Path("harness/models/bundled"))
    parser.add_argument("--data", type=Path, default=dataset.DEBIAN_FOLDER)
    parser.add_argument("--epochs", type=int, help="instead of the model's usual number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path("build"))
    parser.add_argument("--from-checkpoint", action="store_true", help="take the last checkpoint as trained")
    chosen = parser.parse_args(arguments)
    data = dataset.load(chosen.data)
    write_samples(data, chosen.out / "fashion_mnist")
    if chosen.model:
        train(data, chosen)


def write_samples(data: Dataset, folder: Path) -> None:
    """Write the bundled test images and the calibration images as samples.npz."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        folder / "samples.npz",
        test_images=data.bundled.images,
        test_labels=data.bundled.labels.astype(np.uint8),
        calibration_images=data.calibration.images,
        calibration_labels=data.calibration.labels.astype(np.uint8),
    )


def train(data: Dataset, chosen: argparse.Namespace) -> None:
    """Train one model, export it, measure it with onnxruntime, write it and its card."""
    from harness.training import learn, network

    name: str = chosen.model
    chosen.checkpoint.mkdir(parents=True, exist_ok=True)
    recipe = learn.Recipe(epochs=chosen.epochs or EPOCHS[name], seed=chosen.seed)
    learn.prepare(chosen.threads, recipe.seed)
    images = _large(data.train)
    checkpoint: Path = chosen.checkpoint / f"{name}.pt"
    if not chosen.from_checkpoint:
        fresh = network.create(name, SIZE, len(dataset.CLASSES))
        learn.learn(fresh, images, recipe, checkpoint=checkpoint, say=_say)
    # Read back even when just trained, so that --from-checkpoint gives the same file to the bit.
    model = network.restored(network.create(name, SIZE, len(dataset.CLASSES)), checkpoint)
    publish(learn.recalibrated(model, images), name, recipe, chosen, data)


def publish(model: Any, name: str, recipe: Any, chosen: argparse.Namespace, data: Dataset) -> None:
    """Export a trained model, measure it with onnxruntime, write its card."""
    from harness.training import network

    folder: Path = chosen.out / f"{name}_fmnist"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    network.export(model, SIZE, len(dataset.CLASSES), path)
    facts = cards.card(
        path,
        name=folder.name,
        architecture=f"timm {name}",
        family=FAMILIES[name],
        parameters=sum(part.numel() for part in model.parameters()),
        size=SIZE,
        top1_fp32_full_test=cards.top1(path, _large(data.test)),
        top1_on_bundled_1000=cards.top1(path, _large(data.bundled)),
        command=f"python -m harness.training --model {name} --epochs {recipe.epochs} --seed {recipe.seed}"
        f" --threads {chosen.threads}",
        date=datetime.now(UTC).date().isoformat(),
        seed=recipe.seed,
        epochs=recipe.epochs,
        made_with={package: importlib.metadata.version(package) for package in ("torch", "timm", "onnx")},
    )
    cards.write(folder, facts)
    _say(f"{name}: top-1 {facts['top1_fp32_full_test']:.4f} on 10,000 test images")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a command line


def _large(split: Split) -> Split:
    return Split(upscale(split.images, SIZE), split.labels)


if __name__ == "__main__":
    main()
