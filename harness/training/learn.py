"""Training: AdamW, one cycle, flips and shifts, an average of the weights over time; seeded throughout."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as nnf
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from harness.training.dataset import MEAN, STD, Split

_PAD_VALUE = -MEAN / STD
"""Black, normalised: what shifts bring in at the edges."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained; `shift` is the largest shift in pixels, `smoothing` of the labels."""

    epochs: int
    seed: int = 0
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.05
    smoothing: float = 0.05
    shift: int = 4
    average: float = 0.998


def learn(model: Any, train: Split, recipe: Recipe, *, checkpoint: Path, say: Callable[[str], None]) -> None:
    """Train `model` on images [N, S, S] uint8; the averaged weights go to `checkpoint`, each epoch anew."""
    torch.manual_seed(recipe.seed)
    images = torch.from_numpy(train.images)
    labels = torch.from_numpy(train.labels)
    model.to(memory_format=torch.channels_last).train()
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.average), use_buffers=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    batches = len(images) // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=batches * recipe.epochs, pct_start=0.15
    )
    began = time.monotonic()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(images))
        for chosen in order[: batches * recipe.batch].split(recipe.batch):
            loss = _loss(model, images[chosen], labels[chosen], recipe)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            averaged.update_parameters(model)
        torch.save(averaged.module.state_dict(), checkpoint)
        say(f"epoch {epoch + 1}/{recipe.epochs}: loss {loss.item():.3f}, {time.monotonic() - began:.0f} s")


def recalibrated(model: Any, train: Split) -> Any:
    """Measure the batch statistics anew, for averaged weights do not fit averaged statistics; return for use.

    On the training images as they are, in order, so that the result depends on the weights alone.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over all batches
    model.train()
    with torch.no_grad():
        for first in range(0, len(train.images), 500):
            model(normalised(torch.from_numpy(train.images[first : first + 500])))
    return model.eval()


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Return uint8 [N, S, S] as float32 [N, 3, S, S]: (x / 255 - mean) / std, the grey in each channel."""
    values = ((images.float() / 255 - MEAN) / STD).unsqueeze(1).expand(-1, 3, -1, -1)
    return values.contiguous(memory_format=torch.channels_last)


def _loss(model: Any, images: torch.Tensor, labels: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    answer = model(_varied(normalised(images), recipe.shift))
    return nnf.cross_entropy(answer, labels, label_smoothing=recipe.smoothing)


def _varied(values: torch.Tensor, shift: int) -> torch.Tensor:
    """Flip half of the images and shift the whole batch by up to `shift` pixels each way."""
    flipped = torch.where(torch.rand(len(values), 1, 1, 1) < 0.5, values.flip(3), values)
    down, right = torch.randint(0, 2 * shift + 1, (2,)).tolist()
    size = values.shape[-1]
    padded = nnf.pad(flipped, (shift,) * 4, value=_PAD_VALUE)
    shifted = padded[:, :, down : down + size, right : right + size]
    return shifted.contiguous(memory_format=torch.channels_last)


def prepare(threads: int, seed: int) -> None:
    """Make what follows, fresh weights included, repeatable on a machine with as many threads."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
