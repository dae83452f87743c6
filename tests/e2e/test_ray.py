"""Ray stays on this machine's loopback, and a cluster that is there already can be joined."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.dispatch.cluster import SETTINGS, open_cluster, site_resource
from tests.boards import RunningFleet
from tests.e2e.farm import experiment, farm_run

pytestmark = pytest.mark.e2e

LISTEN = "0A"


def _listening_beyond_loopback() -> set[tuple[str, str]]:
    """Return local address and inode of every TCP socket that listens on more than loopback."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and not _is_loopback(fields[1].split(":")[0]):
                found.add((fields[1], fields[9]))
    return found


def _is_loopback(address: str) -> bool:
    words = [bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)]
    packed = b"".join(words)
    if len(packed) == 4:
        return packed[0] == 127
    mapped = packed[:12] == b"\0" * 10 + b"\xff\xff" and packed[12] == 127
    return mapped or packed == socket.inet_pton(socket.AF_INET6, "::1")


def _double(value: int) -> int:
    return 2 * value


def test_local_ray_listens_on_loopback_only_and_reports_to_nobody() -> None:
    before = _listening_beyond_loopback()
    with open_cluster(["local"], None) as cluster:
        assert cluster.each(_double, [1, 2, 3]) == [2, 4, 6]
        assert _listening_beyond_loopback() - before == set()
        from ray._common.usage import usage_lib

        assert not usage_lib.usage_stats_enabled()


def test_ray_is_gone_after_the_run() -> None:
    others = _ray_processes()
    with open_cluster(["local"], None) as cluster:
        cluster.each(_double, [1])
        own = _ray_processes() - others
        assert own
    until = time.monotonic() + 20
    while _ray_processes() & own and time.monotonic() < until:
        time.sleep(0.2)
    assert _ray_processes() & own == set()


def _ray_processes() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"farm-ray-" in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Ray node of its own, as a lab would, and give its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    command += [f"--port={port}", "--include-dashboard=false", "--disable-usage-stats", "--num-cpus=2"]
    command += [f'--resources={{"{site_resource("local")}": 1}}']
    node = subprocess.Popen(
        command, env={**os.environ, **SETTINGS}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for_port(port, node)
        yield f"127.0.0.1:{port}"
    finally:
        node.send_signal(signal.SIGTERM)
        node.wait(timeout=30)


def _wait_for_port(port: int, node: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert node.poll() is None, "ray start ended"
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(3.0)
                return
        time.sleep(0.2)
    raise AssertionError("ray start did not come up")


def test_run_joins_an_existing_cluster(fleet: RunningFleet, tmp_path: Path, head: str) -> None:
    asked = experiment(tmp_path / "experiment.yaml", precisions=["fp32"], images=5)
    run = farm_run(fleet.inventory, asked, tmp_path / "out", "--ray-address", head)
    assert run.code == 0, run.output
    assert run.cell("cortex-a76", "b0", "fp32")["verdict"] == "PASS"


def test_cluster_that_is_not_there_is_the_users_mistake(fleet: RunningFleet, tmp_path: Path) -> None:
    asked = experiment(tmp_path / "experiment.yaml", precisions=["fp32"], images=5)
    run = farm_run(fleet.inventory, asked, tmp_path / "out", "--ray-address", "127.0.0.1:9")
    assert run.code == 2, run.output
    assert "Traceback" not in run.output
