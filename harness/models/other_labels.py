"""Mistakes that labels are known for, each undone: classes counted from one, a line too many, a list reversed."""

import re

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


def other_labels(labels: Labels, names: tuple[str, ...], classes: int) -> dict[str, Labels]:
    """Return other labels [N] for the same images, by "condition: advice".

    The order of the images is that of their names, numbers in them by size: the order in which they were
    labelled. Where only some of all images were chosen, their neighbours may be missing; then these
    mistakes cannot be seen.
    """
    order = sorted(range(len(names)), key=lambda index: _natural(names[index]))

    def reordered(change: Labels) -> Labels:
        moved = np.empty_like(labels)
        moved[order] = change
        return moved

    in_order = labels[order]
    return {
        "with every label one class higher: the labels start one class too low; add 1": (labels + 1) % classes,
        "with every label one class lower: the labels start one class too high (counted from 1?); subtract 1": (
            labels - 1
        )
        % classes,
        "with the classes counted from the other end: the classes are listed in another order than the model's": (
            classes - 1 - labels
        ),
        "with the label of the image before: the labels are one line too early; move them": reordered(
            np.roll(in_order, 1)
        ),
        "with the label of the next image: the labels are one line too late (a heading?); move them": reordered(
            np.roll(in_order, -1)
        ),
        "with the list of labels read backwards: images and labels are in opposite order": reordered(in_order[::-1]),
    }


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]
