"""Whether a cell's verdict is certain already, so that its device can go on to the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.dispatch.jobs import CellJob
from harness.dispatch.sharing import Decided
from harness.evidence import CellKey
from harness.fleet.client import FloatArray
from harness.results import Thresholds


@dataclass(frozen=True, slots=True)
class Enough:
    """Why a cell needs no more images.

    Attributes:
        why: in words.
        same_as: the decided cell that gave the same outputs; None where its own answers decide it.
    """

    why: str
    same_as: CellKey | None = None


class Stopping(Protocol):
    """Decides when a lane has enough of a cell."""

    def enough(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> Enough | None:
        """Tell whether these outputs will do.

        Args:
            job: the cell.
            outputs: float32 [images, classes...], all so far.
            looks: after how many images it was asked; the last one is now.
        """

    def measured(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> None:
        """Hear of a cell whose precision is proven and that ended well; as `enough`, with all its outputs."""


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


class ToTheEnd:
    """Measures every cell to its end."""

    def enough(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> Enough | None:
        """Never enough."""

    def measured(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> None:
        """Nothing to learn from it."""


TO_THE_END: Final = ToTheEnd()


@dataclass(frozen=True, slots=True)
class ByYardsticks:
    """Stops a cell at the look that settles it.

    Attributes:
        yardsticks: by model.
        decided: where cells of the other devices are found whose verdict may be shared; None shares nothing.
    """

    yardsticks: Mapping[str, Yardstick]
    decided: Decided | None = None

    def enough(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> Enough | None:
        """Look with the judge's own rule first, then for a decided cell with the same outputs."""
        verdict = self._verdict(job, outputs, looks)
        if verdict:
            return Enough(f"{verdict} by its answers")
        twin = self.decided.twin(job, outputs, len(looks)) if self.decided is not None else None
        return Enough(f"equal to the bit to {twin.device}, which is decided", twin) if twin else None

    def measured(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> None:
        """Let other devices share what is decided by its own answers."""
        # Not before the cell has ended well: a verdict that became an error is nobody's.
        if self.decided is not None and self._verdict(job, outputs, looks):
            self.decided.add(job, outputs)

    def _verdict(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> str:
        """Return PASS or FAIL where either is certain, else ''."""
        # Here, since a gateway that only reaches devices needs no statistics to start.
        from harness.judge.rules import rule
        from harness.results import Verdict

        by = self.yardsticks.get(job.key.model)
        # Outputs of another make are the judge's to refuse, when all of them are there.
        if by is None or outputs.ndim != 2 or outputs.shape[1:] != by.reference.shape[1:]:
            return ""
        verdict = rule(
            reference=by.reference,
            outputs=outputs,
            labels=by.labels,
            looks=looks,
            thresholds=by.thresholds,
            confidence=by.confidence,
        ).verdict
        return verdict.value if verdict in (Verdict.PASS, Verdict.FAIL) else ""
