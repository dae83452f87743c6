"""Ways to a board: kinds of keys, the SSH agent, aliases of ~/.ssh/config, and a bastion that is another server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.cache import cache_root
from harness.config.inventory import Device
from harness.errors import Code, FarmError
from harness.fleet.connection import connect
from harness.fleet.deadline import Deadline
from tests.boards import RunningFleet
from tests.e2e.bastion import Bastion, bastion, key_pair
from tests.e2e.farm import experiment, write_yaml

pytestmark = pytest.mark.e2e

KINDS = ("ed25519", "ecdsa", "rsa")
PASSPHRASE = "only the agent knows it"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    made = {kind: key_pair(folder, kind) for kind in KINDS}
    return {**made, "locked": key_pair(folder, "ed25519", PASSPHRASE)}


@pytest.fixture(scope="module")
def gate(keys: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bastion]:
    with bastion(tmp_path_factory.mktemp("gate") / "bastion", list(keys.values())) as running:
        yield running


@pytest.fixture
def agent(keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An SSH agent that holds the key with the passphrase, and nothing else."""
    sock, ask = tmp_path / "agent.sock", tmp_path / "ask"
    ask.write_text(f"#!/bin/sh\necho '{PASSPHRASE}'\n")
    ask.chmod(0o700)
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.DEVNULL)
    try:
        while not sock.exists():
            assert process.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
        asking = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        subprocess.run(["ssh-add", "-q", str(keys["locked"])], env=asking, check=True, stdin=subprocess.DEVNULL)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def server(gate: Bastion, **changes: object) -> Device:
    return Device(name="gate", host="127.0.0.1", port=gate.port, user=gate.user, host_key=gate.host_key, **changes)


def gets_in(device: Device) -> bool:
    connection = connect(device, deadline=Deadline.after(30))
    try:
        return connection.transport.is_authenticated()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_key(gate: Bastion, keys: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert gets_in(server(gate, identity_file=keys[kind]))


@pytest.mark.usefixtures("agent")
def test_a_key_with_a_passphrase_through_the_agent(gate: Bastion, keys: dict[str, Path]) -> None:
    assert gets_in(server(gate))
    assert gets_in(server(gate, identity_file=keys["locked"])), "named, but only the agent can use it"


def test_a_key_with_a_passphrase_without_the_agent(
    gate: Bastion, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(FarmError) as caught:
        gets_in(server(gate, identity_file=keys["locked"]))
    assert caught.value.problem.code is Code.AUTHENTICATION_FAILED
    assert "agent" in caught.value.problem.what_to_do


@pytest.fixture
def home(gate: Bastion, keys: dict[str, Path], fleet: RunningFleet, tmp_path: Path) -> Path:
    """A user's home: an alias for a board, behind the bastion, and both hosts' keys."""
    board = fleet.boards["cortex-a76"]
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "config").write_text(
        f"Host desk-board\n  HostName 127.0.0.1\n  Port {board.port}\n  User {board.user}\n"
        f"  IdentityFile {board.identity_file}\n  ProxyJump gate\n"
        f"Host gate\n  HostName 127.0.0.1\n  Port {gate.port}\n  User {gate.user}\n  IdentityFile {keys['ecdsa']}\n"
    )
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{board.port} {board.host_key}\n{gate.known_hosts_line}")
    return folder.parent


def farm(home: Path, *arguments: str, agent: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "FARM_CACHE": str(cache_root())}
    if not agent:
        environment.pop("SSH_AUTH_SOCK", None)
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False, umask=0)


def secrets(*keys: Path) -> set[bytes]:
    """Return what nobody may find anywhere: the lines of private keys, their numbers, and the passphrase."""
    lines = {line for key in keys for line in key.read_bytes().splitlines() if line}
    return {*lines, b"PRIVATE KEY", PASSPHRASE.encode()}


@pytest.mark.usefixtures("agent")
def test_a_run_through_an_alias_and_a_bastion(
    home: Path, gate: Bastion, keys: dict[str, Path], fleet: RunningFleet, tmp_path: Path
) -> None:
    """The inventory says `host: desk-board` and nothing else: the rest is the user's SSH configuration.

    One key is a file, the other has a passphrase and is used by the agent. Nothing of either is written anywhere, and
    what is written can be changed by nobody else, although the login's umask would allow it.
    """
    config = home / ".ssh" / "config"
    config.write_text(config.read_text().replace(str(keys["ecdsa"]), str(keys["locked"])))
    device = {"name": "a76", "host": "desk-board", "threads": 1, "emulated": True, "deadlines": {"connect_s": 60}}
    inventory = write_yaml(tmp_path / "inventory.yaml", {"devices": [device]})
    before = gate.entered()
    checked = farm(home, "check", "-i", str(inventory), agent=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    asked = experiment(tmp_path / "experiment.yaml", precisions=["fp32"], images=5)
    out = tmp_path / "out"
    ran = farm(home, "run", "-i", str(inventory), "-e", str(asked), "-o", str(out), agent=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert gate.entered() >= before + 2
    written = {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert {"journal.jsonl", "report.md", "results.json", "junit.xml"} <= {path.name for path in out.iterdir()}
    written["output"] = "".join((checked.stdout, checked.stderr, ran.stdout, ran.stderr)).encode()
    hidden = secrets(keys["locked"], fleet.boards["cortex-a76"].identity_file)
    assert len(hidden) > 10
    assert [(name, word) for name, text in written.items() for word in hidden if word in text] == []
    assert [path for path in (out, *out.rglob("*")) if path.stat().st_mode & 0o022] == []


def test_a_bastion_whose_key_is_not_known_is_not_passed(home: Path, gate: Bastion, tmp_path: Path) -> None:
    known = home / ".ssh" / "known_hosts"
    known.write_text(known.read_text().replace(gate.known_hosts_line, ""))
    inventory = write_yaml(tmp_path / "inventory.yaml", {"devices": [{"name": "a76", "host": "desk-board"}]})
    before = gate.entered()
    checked = farm(home, "check", "-i", str(inventory))
    assert checked.returncode == 3
    assert "host-key-unknown" in checked.stdout
    assert f"[127.0.0.1]:{gate.port}" in checked.stdout
    assert gate.entered() == before


def test_a_board_that_the_bastion_cannot_reach(
    home: Path, gate: Bastion, keys: dict[str, Path], tmp_path: Path
) -> None:
    device = {"name": "a76", "host": "127.0.0.1", "port": 1, "identity_file": str(keys["rsa"])}
    content = {"devices": [{**device, "proxy_jump": f"{gate.user}@127.0.0.1:{gate.port}"}]}
    inventory = write_yaml(tmp_path / "inventory.yaml", content)
    assert yaml.safe_load(inventory.read_text()) == content
    checked = farm(home, "check", "-i", str(inventory))
    assert checked.returncode == 3
    assert "device-unreachable" in checked.stdout
    assert "The bastion cannot reach 127.0.0.1 port 1" in checked.stdout
