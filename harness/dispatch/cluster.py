"""Ray, kept small: started late, quiet, on loopback, and gone when the run is.

The only module that imports Ray. A site is a custom resource of a node; on one machine the local node has
them all.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from harness import __version__
from harness.config.inventory import Device
from harness.dispatch.arrays import npy_digest
from harness.dispatch.gateway import Assignment, Gateway, GatewayEvent
from harness.dispatch.jobs import CellJob
from harness.dispatch.scratch import scratch
from harness.errors import Code, FarmError, InputError

SETTINGS = {
    # Neither usage reports nor a look for newer versions.
    "RAY_USAGE_STATS_ENABLED": "0",
    # With this Ray believes that it is alone on its node and binds to loopback only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_OBJECT_STORE_BYTES = 256 << 20
_ASK_S = 30.0
_JOIN_S = 5.0
_SHARES = os.cpu_count() or 1

T = TypeVar("T")
R = TypeVar("R")


def site_resource(site: str) -> str:
    """Return the name of the Ray resource that a site's node has."""
    return f"site-{site}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster that we may use; `ray` is the imported module."""

    ray: Any

    def task(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function as a Ray task on this machine and return its result.

        Raises:
            FarmError: the function's own, as it raised it.
        """
        try:
            return self.ray.get(self._remote(function).remote(*arguments))
        except self.ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, FarmError):
                raise error.cause from None
            raise

    def _remote(self, function: Callable[..., Any]) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # Here, since variants, samples and evidence are on this machine's disk.
        here = NodeAffinitySchedulingStrategy(self.ray.get_runtime_context().get_node_id(), soft=False)
        return self.ray.remote(max_retries=0)(function).options(scheduling_strategy=here)

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Apply `function` to all items in Ray tasks on this machine, a share a processor; keep their order."""
        shares = [items[start::_SHARES] for start in range(min(_SHARES, len(items)))]
        remote = self._remote(lambda share: [function(item) for item in share])
        done = self.ray.get([remote.remote(share) for share in shares])
        return [done[index % _SHARES][index // _SHARES] for index in range(len(items))]

    def put(self, data: bytes) -> Any:
        """Put bytes into the object store and return the reference."""
        return self.ray.put(np.frombuffer(data, dtype=np.uint8))

    def gateway(self, site: str, assigned: Assignment, blobs: dict[str, Any]) -> "Remote":
        """Start a site's gateway.

        Raises:
            InputError: no-node-for-site.
            FarmError: the node there runs another version of the harness.
        """
        resource = site_resource(site)
        if resource not in self.ray.cluster_resources():
            raise InputError(
                Code.NO_NODE_FOR_SITE,
                f"No Ray node offers the resource {resource!r} that site {site!r} needs.",
                f"At that site: ray start --address=… --resources='{{\"{resource}\": 1}}'",
            )
        actor = self.ray.remote(_GatewayActor).options(
            resources={resource: 0.001}, num_cpus=0, max_concurrency=4, max_restarts=0
        )
        remote = Remote(self.ray, actor.remote(assigned, blobs))
        theirs = remote.ask("hello")["harness"]
        if theirs != __version__:
            raise FarmError(
                Code.GATEWAY_LOST, f"Site {site} runs harness {theirs}, this is {__version__}; install the same."
            )
        return remote


@dataclass(frozen=True, slots=True)
class Remote:
    """A gateway seen from the coordinator."""

    ray: Any
    actor: Any

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the gateway and wait for it.

        Raises:
            FarmError: gateway-lost.
        """
        try:
            return self.ray.get(getattr(self.actor, method).remote(*arguments), timeout=_ASK_S)
        except self.ray.exceptions.RayError as error:
            raise FarmError(Code.GATEWAY_LOST, f"The gateway does not answer: {type(error).__name__}.") from error

    def start(self, device: Device, jobs: Sequence[CellJob]) -> None:
        """Start a device's lane there."""
        self.ask("start", device, tuple(jobs))

    def poll(self, wait_s: float) -> list[GatewayEvent]:
        """Return what has happened there."""
        events: list[GatewayEvent] = self.ask("poll", wait_s)
        return events

    def attend(self) -> None:
        """Tell it that the coordinator lives."""
        self.ask("attend")

    def stop(self, wait_s: float) -> None:
        """Let its lanes end."""
        self.ask("stop", wait_s)


class _GatewayActor:
    """`Gateway` as a Ray actor: blobs come from the object store."""

    def __init__(self, assigned: Assignment, blobs: dict[str, Any]) -> None:
        import ray

        def fetch(digest: str) -> bytes:
            data: bytes = ray.get(blobs[digest]).tobytes()
            return data

        self._gateway = Gateway(assigned, fetch, npy_digest)

    def hello(self) -> dict[str, str]:
        return dict(self._gateway.hello())

    def start(self, device: Device, jobs: Sequence[CellJob]) -> None:
        self._gateway.start(device, jobs)

    def poll(self, wait_s: float) -> list[GatewayEvent]:
        return self._gateway.poll(wait_s)

    def attend(self) -> None:
        self._gateway.attend()

    def stop(self, wait_s: float) -> None:
        self._gateway.stop(wait_s)


@contextlib.contextmanager
def open_cluster(sites: Sequence[str], address: str | None, folder: Path | None = None) -> Iterator[Cluster]:
    """Join the cluster at `address`, or start a local one that offers all `sites`; leave or end it after.

    Args:
        sites: the names of all sites.
        address: where a cluster is; None starts one.
        folder: where a local one keeps its session, which must have a short path; None makes one for it.

    Raises:
        InputError: machine-not-ready, the cluster cannot be joined.
    """
    ray = _import_ray()
    with contextlib.ExitStack() as stack:
        stack.callback(ray.shutdown)
        if address:
            _join(ray, address)
        else:
            folder = folder or stack.enter_context(scratch())
            # Entered last, so that Ray is down before its folder goes.
            stack.callback(ray.shutdown)
            _start(ray, sites, str(folder))
        yield Cluster(ray)


def _answers(address: str) -> None:
    # Ray itself would try for minutes before it gave up, and then end the process.
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_JOIN_S).close()
    except OSError as error:
        raise InputError(
            Code.MACHINE_NOT_READY,
            f"No Ray cluster answers at {address}: {error}.",
            "Check --ray-address; `ray status` on that machine shows whether its node is up.",
        ) from error


def _import_ray() -> ModuleType:
    os.environ.update(SETTINGS)
    import ray

    module: ModuleType = ray
    return module


def _start(ray: Any, sites: Sequence[str], folder: str) -> None:
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=True,
        logging_level="ERROR",
        resources={site_resource(site): 1 for site in sites},
        object_store_memory=_OBJECT_STORE_BYTES,
        _temp_dir=folder,
        _node_ip_address="127.0.0.1",
    )


def _join(ray: Any, address: str) -> None:
    _answers(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(
            Code.MACHINE_NOT_READY,
            f"The Ray cluster at {address} cannot be joined: {error}",
            "Check the address; where the cluster wants a token, put it where this user's Ray finds it "
            "(RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH).",
        ) from error
