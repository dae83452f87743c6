"""A whole run: plan, prepare, let the gateways work, keep what comes, judge, report."""

import contextlib
import platform
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from harness import __version__
from harness.cache import cache_root
from harness.config.experiment import Experiment
from harness.config.inventory import Device, Inventory
from harness.dispatch import prepare
from harness.dispatch.arrays import ArrayStore
from harness.dispatch.attending import attending
from harness.dispatch.cluster import Cluster, Remote, open_cluster
from harness.dispatch.events import CellFinished, RunEnded, RunStarted
from harness.dispatch.focus import WIDE, Focus
from harness.dispatch.gateway import Assignment
from harness.dispatch.jobs import CellJob
from harness.dispatch.journal import Journal
from harness.dispatch.ledger import Ledger, Listener, farewell, serve, utc_now
from harness.dispatch.make_jobs import jobs
from harness.dispatch.run_folder import open_folder, refuse_changes
from harness.dispatch.snapshot import DeviceNote, Expected, Origin, Snapshot
from harness.dispatch.stored import stored_run
from harness.errors import FarmError
from harness.evidence import CellKey
from harness.holder import holder
from harness.judge.run import judge
from harness.models.cache import key_of
from harness.plan import Plan, plan
from harness.results import RunResults, Steady

STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """What `farm run` was asked for.

    Attributes:
        wait_s: how long a device that somebody else holds is waited for.
        default_fleet: the inventory is that of emulated boards which live as long as the run.
        focus: how the run is narrowed down, where it is a closer look at another one.
    """

    inventory: Inventory
    experiment: Experiment
    folder: Path
    resume: bool = False
    ray_address: str | None = None
    wait_s: float = 0.0
    default_fleet: bool = False
    focus: Focus = WIDE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to; an interrupted one has cells that are pending."""

    results: RunResults
    interrupted: bool


@dataclass(slots=True)
class Coordinator:
    """One run, from the question to the last line of the journal.

    Attributes:
        scratch: where Ray keeps its session; None lets it make a folder of its own.
    """

    request: Request
    listener: Listener
    clock: Callable[[], float] = time.monotonic
    scratch: Path | None = None

    def run(self) -> Outcome:
        """Run, keeping what is measured as it comes, and judge it, also where the run was interrupted.

        Raises:
            InputError: the user's input or machine is wrong; nothing was run.
            FarmError: a reference could not be made, or a gateway could not be started.
        """
        began = self.clock()
        planned = self._planned()
        self.listener.stage("looking into models and samples")
        subjects = prepare.find_subjects(self.request.experiment, self.request.focus)
        identity = self._identity(subjects)
        before = open_folder(self.request.folder, resume=self.request.resume)
        if before is not None and before.snapshot is not None:
            refuse_changes(before.snapshot, identity)
        self.listener.stage("starting Ray")
        with open_cluster(self._sites(planned), self.request.ray_address, self.scratch) as cluster:
            prepared = prepare.make(subjects, planned, as_task=cluster.task, stage=self.listener.stage)
            store = ArrayStore(self.request.folder)
            snapshot = before.snapshot if before else None
            if snapshot is None:
                snapshot = self._snapshot(planned, prepared, store, identity)
            settled = before.settled(store.holds) if before else frozenset()
            with contextlib.closing(Journal(self.request.folder)) as journal:
                journal.write(RunStarted(at=utc_now(), snapshot=snapshot, resumed=before is not None))
                work = Ledger(self.listener, journal, store)
                interrupted = self._measure(
                    cluster, planned=planned, prepared=prepared, settled=settled, snapshot=snapshot, work=work
                )
                counts = {**prepared.counts, "bytes_sent": work.sent_bytes, "cells_measured": work.measured}
                journal.write(
                    RunEnded(at=utc_now(), wall_s=self.clock() - began, interrupted=interrupted, counts=counts)
                )
            self.listener.stage("judging")
            results = judge(stored_run(self.request.folder), each=cluster.each)
        return Outcome(results, interrupted)

    def _planned(self) -> Plan:
        whole, focus = plan(self.request.inventory, self.request.experiment), self.request.focus
        cells = tuple(cell for cell in whole.cells if focus.wants(cell.key.device, cell.key.precision))
        busy = {cell.key.device for cell in cells}
        return Plan(cells, tuple(device for device in whole.devices if device.name in busy))

    def _measure(
        self,
        cluster: Cluster,
        *,
        planned: Plan,
        prepared: prepare.Prepared,
        settled: frozenset[CellKey],
        snapshot: Snapshot,
        work: Ledger,
    ) -> bool:
        cells = [cell for cell in planned.cells if cell.key not in settled]
        to_measure, known = jobs(cells, prepared, self.request.experiment, self.request.focus)
        self.listener.planned(snapshot, len(cells))
        for evidence in known:
            work.keep(CellFinished(at=utc_now(), evidence=evidence))
        if not to_measure:
            return False
        with self._gateways(cluster, planned, prepared, snapshot.run) as gateways, attending(gateways.values()):
            try:
                self._start(gateways, planned, to_measure, work)
                serve(gateways, work)
            except KeyboardInterrupt:
                self.listener.stage("interrupted: stopping the devices after the batch they are at")
                farewell(gateways, work, STOP_S)
                return True
        return False

    @contextlib.contextmanager
    def _gateways(
        self, cluster: Cluster, planned: Plan, prepared: prepare.Prepared, run: str
    ) -> Iterator[dict[str, Remote]]:
        blobs = {digest: cluster.put(data) for digest, data in prepared.blobs().items()}
        assigned = Assignment(
            run=run,
            holder=holder(),
            wheel_cache=cache_root() / "wheels",
            yardsticks={} if self.request.focus.to_the_end else prepare.yardsticks(prepared, self.request.experiment),
            share=self.request.experiment.sampling.share_verdicts,
            wait_s=self.request.wait_s,
        )
        yield {site: cluster.gateway(site, assigned, blobs) for site in self._sites(planned)}

    def _start(self, gateways: dict[str, Remote], planned: Plan, to_measure: list[CellJob], work: Ledger) -> None:
        by_device: dict[str, list[CellJob]] = defaultdict(list)
        for job in to_measure:
            by_device[job.key.device].append(job)
        lost: dict[str, FarmError] = {}
        for device in planned.devices:
            jobs = by_device.get(device.name)
            if not jobs:
                continue
            work.begin(device.name, device.site, jobs)
            try:
                if device.site not in lost:
                    gateways[device.site].start(device, jobs)
            except FarmError as error:  # it costs its own site only
                lost[device.site] = error
            if device.site in lost:
                work.lose(device.site, lost[device.site])

    def _sites(self, planned: Plan) -> list[str]:
        return sorted({device.site for device in planned.devices})

    def _identity(self, subjects: dict[str, prepare.Subject]) -> dict[str, str]:
        models = {f"model {name}": subject.source.sha256 for name, subject in subjects.items()}
        samples = {f"samples of {name}": subject.samples.digest for name, subject in subjects.items()}
        return {
            "inventory": prepare.file_digest(self.request.inventory.path),
            "experiment": prepare.file_digest(self.request.experiment.path),
            "engine": ",".join(self.request.experiment.engines),
            **models,
            **samples,
            **self._particulars(),
        }

    def _particulars(self) -> dict[str, str]:
        """Return the digests of what a run is asked beyond its two files."""
        plans = [repr(precision.plans) for precision in self.request.experiment.precisions if precision.plans]
        found = {"plans": key_of(plans=plans)} if plans else {}
        if self.request.focus != WIDE:
            asked = [repr(precision) for precision in self.request.experiment.precisions]
            found["closer look"] = key_of(focus=repr(self.request.focus), precisions=asked)
        return found

    def _snapshot(
        self, planned: Plan, prepared: prepare.Prepared, store: ArrayStore, identity: dict[str, str]
    ) -> Snapshot:
        experiment = self.request.experiment
        return Snapshot(
            run=uuid.uuid4().hex[:12],
            harness=__version__,
            devices=tuple(map(_note, planned.devices)),
            models=prepare.notes(prepared, store),
            precisions=experiment.precisions,
            engines=experiment.engines,
            cells=tuple(cell.key for cell in planned.cells),
            thresholds=experiment.thresholds,
            confidence=experiment.sampling.confidence,
            batch=experiment.sampling.batch,
            known_failures=tuple(Expected(**dict(known)) for known in experiment.known_failures),
            identity=identity,
            versions=_versions(),
            origin=Origin(
                inventory=None if self.request.default_fleet else str(self.request.inventory.path.absolute()),
                experiment=str(experiment.path.absolute()),
            ),
        )


def _versions() -> dict[str, str]:
    packages = ("MNN", "onnxruntime", "numpy", "ray", "paramiko")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _note(device: Device) -> DeviceNote:
    plan = device.health
    return DeviceNote(
        name=device.name,
        kind=device.kind,
        emulated=device.emulated,
        labels=device.labels,
        threads=device.threads,
        steady=Steady(max_temp_rise_c=plan.max_temp_rise_c, max_clock_change=plan.max_clock_change),
    )
