"""Whether a cell's verdict is certain already, so that its device can go on to the next one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.dispatch.jobs import CellJob
from harness.fleet.client import FloatArray
from harness.results import Thresholds

Certain = Callable[[CellJob, FloatArray, Sequence[int]], bool]
"""Takes a cell, its outputs so far, and after how many images it was looked at; the last look is now."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a model's cells are judged by while they are measured.

    Attributes:
        reference: float32 [N, K].
        labels: int64 [N], or None.
    """

    reference: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    thresholds: Thresholds
    confidence: float


def never(_job: CellJob, _outputs: FloatArray, _looks: Sequence[int]) -> bool:
    """Measure every cell to its end."""
    return False


def by_yardsticks(yardsticks: Mapping[str, Yardstick]) -> Certain:
    """Return the rule that stops a cell at the look that settles it; `yardsticks` are by model."""

    def certain(job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> bool:
        # Here, since a gateway that only reaches devices needs no statistics to start.
        from harness.judge.rules import rule
        from harness.results import Verdict

        by = yardsticks.get(job.key.model)
        # Outputs of another make are the judge's to refuse, when all of them are there.
        if by is None or outputs.ndim != 2 or outputs.shape[1:] != by.reference.shape[1:]:
            return False
        ruling = rule(
            reference=by.reference,
            outputs=outputs,
            labels=by.labels,
            looks=looks,
            thresholds=by.thresholds,
            confidence=by.confidence,
        )
        return ruling.verdict in (Verdict.PASS, Verdict.FAIL)

    return certain
