"""One cell on one device: open, probe, measure, time, close."""

import threading
from collections.abc import Callable

import numpy as np

from harness.dispatch.arrays import Array
from harness.dispatch.jobs import CellJob
from harness.dispatch.session import Session
from harness.dispatch.stopping import Certain, never
from harness.errors import Code, FarmError
from harness.evidence import CellEvidence, Probe
from harness.fleet.client import CellSetup, FloatArray
from harness.fleet.deadline import Deadline

Save = Callable[[Array], str]
"""Puts an array where the evidence is and returns its digest."""

WorthMeasuring = Callable[[CellJob, Probe, dict[str, object]], bool]
"""Whether a precision took effect, judged by the probe and the device's facts."""

CLOSE_S = 30.0
GRACE_S = 15.0
"""How much longer than the device we wait: it ends a cell that hangs and says so, which is no lost link."""


def measure(
    session: Session,
    job: CellJob,
    *,
    worth: WorthMeasuring,
    save: Save,
    stop: threading.Event,
    certain: Certain = never,
) -> CellEvidence:
    """Measure one cell, batch by batch, until its verdict is `certain` or its images are used up.

    A precision that did not take effect is measured on one sample only: more of them would say nothing
    about that precision.

    Raises:
        TransportError: the link was lost; the cell may be measured again.
        FarmError: the cell failed on the device, or was interrupted.
    """
    began = session.services.clock()
    session.start_engine(job.key.engine)
    session.provide(job, batches=1)
    # From here on: fetching wheels and sending a model say nothing about how long the cell takes.
    setup = _setup(session, job)
    deadline = Deadline.after(setup.deadline_s + GRACE_S, session.services.clock)
    session.report(f"opening {job.key.model} {job.key.precision}", 0, job.images, "images")
    session.client.open(setup, deadline=deadline)
    try:
        first = job.batches[0]
        probe = session.client.probe(setup, first, deadline=deadline)
        fully = worth(job, probe, session.facts)
        if fully:
            outputs, looks = _outputs(session, job, setup, deadline, stop=stop, certain=certain)
        else:
            outputs, looks = _one(session, job, setup, deadline), ()
        timing = session.client.time(setup, first, warmup=job.warmup, repeats=job.repeats, deadline=deadline)
    finally:
        peak = _close(session, setup)
    return CellEvidence(
        key=job.key,
        images=len(outputs),
        outputs=save(outputs),
        output_name=job.output_name,
        probe=probe,
        timing=timing,
        stopped_early=not fully,
        looks=looks,
        variant=job.variant,
        wall_s=session.services.clock() - began,
        max_rss_mb=peak,
    )


def _setup(session: Session, job: CellJob) -> CellSetup:
    device = session.device
    return CellSetup(
        cell=f"{job.key.model}/{job.key.precision}/{job.key.engine}",
        engine=job.key.engine,
        model=job.variant,
        runtime=job.precision.runtime(device.threads),
        hints=job.precision.hint_numbers,
        input_name=job.input_name,
        output_name=job.output_name,
        cpus=device.cpus,
        deadline_s=device.deadlines.cell_s,
    )


def _one(session: Session, job: CellJob, setup: CellSetup, deadline: Deadline) -> FloatArray:
    return session.client.infer(setup, job.batches[0], first=0, count=1, deadline=deadline)


def _outputs(
    session: Session, job: CellJob, setup: CellSetup, deadline: Deadline, *, stop: threading.Event, certain: Certain
) -> tuple[FloatArray, tuple[int, ...]]:
    """Return the outputs, and after how many images they were looked at."""
    parts: list[FloatArray] = []
    looks: list[int] = []
    done = 0
    for number, batch in enumerate(job.batches, start=1):
        if stop.is_set():
            raise FarmError(Code.INTERRUPTED, "The run was interrupted within this cell.")
        session.provide(job, batches=number)
        parts.append(session.client.infer(setup, batch, first=0, count=batch.count, deadline=deadline))
        done += batch.count
        looks.append(done)
        session.report(f"{job.key.model} {job.key.precision}", done, job.images, "images")
        if done < job.images and certain(job, np.concatenate(parts), looks):
            session.report(f"{job.key.model} {job.key.precision}: certain", done, job.images, "images")
            break
    return np.concatenate(parts), tuple(looks)


def _close(session: Session, setup: CellSetup) -> float | None:
    try:
        return session.client.close_cell(setup, deadline=Deadline.after(CLOSE_S, session.services.clock))
    except FarmError:
        # The child is gone already, or the link is: what was measured, or the first failure, stands.
        return None
