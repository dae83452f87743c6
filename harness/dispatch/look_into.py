"""Looking into a cell: its operators and blocks against fp32, image by image, while it is open."""

import threading
from dataclasses import dataclass

from harness.block_errors import BlockErrors
from harness.captured import Capture
from harness.dispatch.jobs import CellJob
from harness.dispatch.session import Session
from harness.errors import Code, FarmError
from harness.fleet.client import CellSetup
from harness.fleet.deadline import Deadline

_COST = 3.0
"""Times the deadline of a cell that an image looked into may take: it is run some dozens of times."""


@dataclass(frozen=True, slots=True)
class SeenInside:
    """What was seen, one entry an image."""

    captures: tuple[Capture, ...] = ()
    block_errors: tuple[BlockErrors, ...] = ()


NOTHING_SEEN = SeenInside()


def patience(job: CellJob, cell_s: float) -> float:
    """Return how long a cell may take, seconds; `cell_s` is what one takes that is not looked into."""
    images = job.close_up.images if job.close_up is not None else 0
    return cell_s * (1 + _COST * images)


def look_into(
    session: Session, job: CellJob, setup: CellSetup, deadline: Deadline, stop: threading.Event
) -> SeenInside:
    """Look into an open cell, on the first images of its first batch.

    Raises:
        TransportError: the link was lost.
        FarmError: the device could not do it, or was interrupted.
    """
    close_up = job.close_up
    if close_up is None:
        return NOTHING_SEEN
    batch = job.batches[0]
    captures, errors = [], []
    for index in range(min(close_up.images, batch.count)):
        if stop.is_set():
            raise FarmError(Code.INTERRUPTED, "The run was interrupted within this cell.")
        session.report(f"looking into {job.key.model} {job.key.precision}", index + 1, close_up.images, "images")
        captures.append(session.client.capture(setup, batch, index=index, control=job.control, deadline=deadline))
        if close_up.blocks:
            errors.append(
                session.client.blocks(
                    setup, batch, index=index, control=job.control, cut=close_up.blocks, deadline=deadline
                )
            )
    return SeenInside(tuple(captures), tuple(errors))
