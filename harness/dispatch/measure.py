"""One cell on one device: open, probe, measure, time, close."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.dispatch.arrays import Array
from harness.dispatch.jobs import CellJob
from harness.dispatch.look_into import NOTHING_SEEN, look_into, patience
from harness.dispatch.session import Session
from harness.dispatch.stopping import TO_THE_END, Enough, Stopping
from harness.errors import Code, FarmError
from harness.evidence import CellEvidence, Probe
from harness.fleet.client import CellSetup, FloatArray
from harness.fleet.deadline import GRACE_S, Deadline

Save = Callable[[Array], str]
"""Puts an array where the evidence is and returns its digest."""

TookEffect = Callable[[CellJob, Probe, dict[str, object]], bool | None]
"""Whether a precision took effect, judged by the probe and the device's facts; None where that stays open."""

CLOSE_S = 30.0
LAST_S = 5.0
"""What closing has at least: a cell whose time is over must be ended too, or its child disturbs the next one."""


def measure(
    session: Session,
    job: CellJob,
    *,
    took_effect: TookEffect,
    save: Save,
    stop: threading.Event,
    stopping: Stopping = TO_THE_END,
) -> CellEvidence:
    """Measure one cell, batch by batch, until `stopping` has enough of it or its images are used up.

    A precision that did not take effect is measured on one sample only: more would say nothing about it. Where that
    stays open the cell is measured, but no other cell hears of it: it gets no verdict that could be shared.

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
    try:
        session.open_cell(setup, deadline=deadline)  # one that was refused is closed too: its child is still there
        first = job.batches[0]
        probe = session.client.probe(setup, first, deadline=deadline)
        proven = took_effect(job, probe, session.facts)
        fully = proven is not False
        done = (_answers if fully else _one)(session, job, setup, deadline, _Limits(stop, stopping))
        timing = session.client.time(setup, first, warmup=job.warmup, repeats=job.repeats, deadline=deadline)
        seen = look_into(session, job, setup, deadline, stop) if fully else NOTHING_SEEN
    finally:
        peak = _close(session, setup, deadline)
    if proven:
        stopping.measured(job, done.outputs, done.looks)
    found: dict[str, object] = {
        "probe": probe,
        "timing": timing,
        "stopped_early": not fully,
        "captures": seen.captures,
        "block_errors": seen.block_errors,
        "wall_s": session.services.clock() - began,
        "max_rss_mb": peak,
    }
    return _answered(job, done, save).model_copy(update=found)


def _answered(job: CellJob, done: "_Answers", save: Save) -> CellEvidence:
    images = len(done.outputs)
    return CellEvidence(
        key=job.key,
        images=images,
        outputs=save(done.outputs),
        output_name=job.output_name,
        looks=done.looks,
        enough=f"{done.enough.why}, after {images} of {job.images} images" if done.enough else "",
        same_as=done.enough.same_as if done.enough else None,
        variant=job.variant,
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
        deadline_s=patience(job, device.deadlines.cell_s),
        segments=job.precision.segments,
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """Outputs, after how many images they were looked at, and why these are all, where they are not."""

    outputs: FloatArray
    looks: tuple[int, ...] = ()
    enough: Enough | None = None


@dataclass(frozen=True, slots=True)
class _Limits:
    stop: threading.Event
    stopping: Stopping


def _one(session: Session, job: CellJob, setup: CellSetup, deadline: Deadline, _limits: _Limits) -> _Answers:
    return _Answers(session.client.infer(setup, job.batches[0], first=0, count=1, deadline=deadline))


def _answers(session: Session, job: CellJob, setup: CellSetup, deadline: Deadline, limits: _Limits) -> _Answers:
    parts: list[FloatArray] = []
    looks: list[int] = []
    done = 0
    for number, batch in enumerate(job.batches, start=1):
        if limits.stop.is_set():
            raise FarmError(Code.INTERRUPTED, "The run was interrupted within this cell.")
        session.provide(job, batches=number, deadline=deadline)
        parts.append(session.client.infer(setup, batch, first=0, count=batch.count, deadline=deadline))
        done += batch.count
        looks.append(done)
        session.report(f"{job.key.model} {job.key.precision}", done, job.images, "images")
        enough = limits.stopping.enough(job, np.concatenate(parts), looks) if done < job.images else None
        if enough is not None:
            return _Answers(np.concatenate(parts), tuple(looks), enough)
    return _Answers(np.concatenate(parts), tuple(looks))


def _close(session: Session, setup: CellSetup, deadline: Deadline) -> float | None:
    closing = Deadline.after(max(LAST_S, deadline.within(CLOSE_S).left), session.services.clock)
    try:
        return session.client.close_cell(setup, deadline=closing)
    except FarmError:
        # The child is gone already, or the link is: what was measured, or the first failure, stands.
        return None
