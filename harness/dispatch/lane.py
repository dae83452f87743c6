"""A lane: one device and its cells, one after the other, until they are settled."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.config.inventory import Device
from harness.dispatch.boundary import attempt
from harness.dispatch.events import CellFinished, CellStarted, DeviceReady, Progress
from harness.dispatch.healthy import cool_down, in_health
from harness.dispatch.jobs import CellJob
from harness.dispatch.measure import Save, TookEffect, measure
from harness.dispatch.patience import Patience
from harness.dispatch.session import Services, Session, open_session
from harness.dispatch.stopping import TO_THE_END, Stopping
from harness.errors import Code, Problem
from harness.evidence import CellEvidence, DeviceEvidence, Failure

LaneEvent = CellFinished | CellStarted | DeviceReady | Progress
Emit = Callable[[LaneEvent], None]

RETRIED = frozenset({Code.DEVICE_UNREACHABLE, Code.CONNECTION_LOST})
"""Transport faults that may pass; nothing else is tried again."""

MAX_RECONNECTS = 2
BACK_OFF_S = 2.0
MAX_TRIES_OF_A_CELL = 2


@dataclass(slots=True)
class Lane:
    """Works through a device's cells; every job ends in exactly one `CellFinished`, unless stopped.

    `left` holds the jobs that are not settled yet; `wait_s` is how long a device that somebody holds is waited for.
    """

    device: Device
    jobs: tuple[CellJob, ...]
    services: Services
    emit: Emit
    save: Save
    took_effect: TookEffect
    stop: threading.Event
    stopping: Stopping = TO_THE_END
    wait_s: float = 0.0
    left: list[CellJob] = field(default_factory=list)
    _tries: dict[str, int] = field(default_factory=dict)
    _sent: int = 0
    _in_a_row: int = 0

    def run(self) -> None:
        """Settle all cells, reconnecting where the link fails in a way that may pass."""
        self.left = list(self.jobs)
        reconnects = 0
        while self.left and not self.stop.is_set():
            before = len(self.left)
            problem = attempt(self._in_one_session)
            if problem is None or self.stop.is_set():
                return
            reconnects = 0 if len(self.left) < before else reconnects + 1
            if self._aside or problem.code not in RETRIED or reconnects > MAX_RECONNECTS:
                self._give_up(self._set_aside(problem) if self._aside else problem)
                return
            self._report(f"lost ({problem.message}); trying again", 0, 0, "")
            self.services.sleep(BACK_OFF_S * 2**reconnects)

    def _in_one_session(self) -> Problem | None:
        patience = Patience(self.wait_s, self.stop.is_set)
        with open_session(self.device, self.services, self._report, patience) as session, self._counted(session):
            described = False
            while self.left and not self.stop.is_set():
                job = self.left[0]
                self.emit(CellStarted(at=self.services.now(), key=job.key))
                settled = attempt(lambda job=job: self._measure(session, job))  # type: ignore[misc]
                if isinstance(settled, Problem) and settled.code is Code.INTERRUPTED and self.stop.is_set():
                    break
                if isinstance(settled, Problem) and self._worth_another_try(job, settled):
                    return settled
                if isinstance(settled, Problem) and settled.code is Code.STORE_CORRUPT:
                    session.look_again()
                if not described and session.engines:
                    self._describe(session)
                    described = True
                self._settle(job, settled)
                if self._aside and self.left and isinstance(settled, Problem):
                    return settled
                if self.left:
                    cool_down(session, self.stop.is_set)
            self._describe(session)
        return None

    @property
    def _aside(self) -> bool:
        return self._in_a_row >= self.device.health.set_aside_after

    def _set_aside(self, last: Problem) -> Problem:
        words = f"{self._in_a_row} cells in a row failed, the last with {last.code}: {last.message}"
        return Problem(Code.DEVICE_SET_ASIDE, words)

    def _measure(self, session: Session, job: CellJob) -> CellEvidence:
        def once() -> CellEvidence:
            return measure(
                session, job, took_effect=self.took_effect, save=self.save, stop=self.stop, stopping=self.stopping
            )

        return in_health(session, once, self.stop.is_set)

    def _worth_another_try(self, job: CellJob, problem: Problem) -> bool:
        # The link is gone either way; a cell that was lost twice with it is not tried a third time.
        if problem.code not in RETRIED:
            return False
        name = str(job.key)
        self._tries[name] = self._tries.get(name, 0) + 1
        if self._tries[name] >= MAX_TRIES_OF_A_CELL:
            self._settle(job, problem)
        return True

    def _settle(self, job: CellJob, settled: CellEvidence | Problem) -> None:
        self.left.remove(job)
        evidence = unsettled(job, settled) if isinstance(settled, Problem) else settled
        self._in_a_row = self._in_a_row + 1 if evidence.failure is not None else 0
        self.emit(CellFinished(at=self.services.now(), evidence=evidence))

    def _give_up(self, problem: Problem) -> None:
        failed = DeviceEvidence(name=self.device.name, failure=Failure.of(problem), sent_bytes=self._sent)
        self.emit(DeviceReady(at=self.services.now(), device=failed))
        for job in list(self.left):
            self._settle(job, problem)

    @contextlib.contextmanager
    def _counted(self, session: Session) -> Iterator[None]:
        try:
            yield
        finally:
            self._sent += session.evidence.sent_bytes

    def _describe(self, session: Session) -> None:
        found = session.evidence
        whole = found.model_copy(update={"sent_bytes": self._sent + found.sent_bytes})
        self.emit(DeviceReady(at=self.services.now(), device=whole))

    def _report(self, text: str, done: int, total: int, unit: str) -> None:
        self.emit(Progress(device=self.device.name, text=text, done=done, total=total, unit=unit))


def unsettled(job: CellJob, problem: Problem) -> CellEvidence:
    """Return the evidence of a cell that could not be measured.

    What no wheel or backend exists for was not run at all, which is not an error of anybody's.
    """
    if problem.code in (Code.NO_WHEEL, Code.NO_BACKEND):
        why = " ".join(filter(None, (problem.message, problem.advice)))
        return CellEvidence(key=job.key, unsupported=why, variant=job.variant)
    return CellEvidence(key=job.key, failure=Failure.of(problem), variant=job.variant)
