"""A good inventory means what it says: defaults, merging, paths, labels."""

import getpass
import json
import os
from pathlib import Path
from random import Random

import paramiko
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from harness.config.health import HealthPlan
from harness.config.inventory import Deadlines, Device, Inventory, load_inventory, read_inventory
from harness.config.yaml_lines import parse
from harness.errors import Code
from tests.config.yaml_text import inventory

REPOSITORY = Path(__file__).parents[2]


def test_the_least_that_can_be_said(tmp_path: Path) -> None:
    found = inventory(tmp_path, "devices:\n- {name: a53, host: 10.0.0.7}\n")
    assert found == Inventory(
        path=tmp_path / "inv.yaml",
        sites=("local",),
        devices=(Device(name="a53", host="10.0.0.7"),),
    )
    (device,) = found.devices
    assert (device.kind, device.port, device.user, device.python) == ("board", 22, getpass.getuser(), "python3")
    assert (device.threads, device.cpus, device.launcher, device.labels) == (4, None, (), {})
    assert (device.identity_file, device.host_key, device.known_hosts, device.proxy_jump) == (None,) * 4
    assert (device.site, device.workdir, device.lease, device.emulated) == ("local", "~/.cache/farm", None, False)
    assert device.deadlines == Deadlines(connect_s=15, cell_s=600)


def test_every_key(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/id").touch()
    key = fresh_key("ed25519")
    text = f"""\
sites: {{lab-a: {{}}, lab-b:}}
devices:
  - name: p-1.x_y
    kind: phone
    host: fe80::1
    port: 8022
    user: u0_a1
    identity_file: keys/id
    host_key: {key} root@phone
    known_hosts: ~/.ssh/known_hosts
    proxy_jump: me@bastion.lab:2222
    site: lab-a
    launcher: [proot-distro, login, debian, --]
    python: /usr/bin/python3.11
    threads: 2
    cpus: [4, 5, 6]
    workdir: /data/farm
    lease: ~/lease
    deadlines: {{connect_s: 1.5, cell_s: 60}}
    emulated: true
    labels: {{soc: BCM2712, rev: 1.10, n: 7, ok: true, word: no}}
"""
    found = inventory(tmp_path, text)
    assert found.sites == ("lab-a", "lab-b", "local")
    assert found.devices == (
        Device(
            name="p-1.x_y",
            kind="phone",
            host="fe80::1",
            port=8022,
            user="u0_a1",
            identity_file=tmp_path / "keys/id",
            host_key=key,
            known_hosts=Path("~/.ssh/known_hosts").expanduser(),
            proxy_jump="me@bastion.lab:2222",
            site="lab-a",
            launcher=("proot-distro", "login", "debian", "--"),
            python="/usr/bin/python3.11",
            threads=2,
            cpus=(4, 5, 6),
            workdir="/data/farm",
            lease="~/lease",
            deadlines=Deadlines(connect_s=1.5, cell_s=60.0),
            emulated=True,
            labels={"soc": "BCM2712", "rev": "1.10", "n": "7", "ok": "true", "word": "no"},
        ),
    )


def fresh_key(kind: str) -> str:
    curves = {"nistp256": ec.SECP256R1(), "nistp384": ec.SECP384R1(), "nistp521": ec.SECP521R1()}
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if kind == "ed25519":
        private = Ed25519PrivateKey.generate()
    else:
        private = ec.generate_private_key(curves[kind]) if kind in curves else rsa.generate_private_key(65537, 2048)
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_defaults_stand_below_a_devices_own_keys(tmp_path: Path) -> None:
    text = """\
defaults: {user: pi, port: 2200, deadlines: {connect_s: 3, cell_s: 30}, labels: {lab: x, soc: none}, lease: ~/l}
devices:
  - {name: a, host: h}
  - {name: b, host: h, port: 22, user: root, deadlines: {cell_s: 99}, labels: {soc: RK3588}, lease: }
"""
    a, b = inventory(tmp_path, text).devices
    assert (a.user, a.port, a.lease, a.deadlines) == ("pi", 2200, "~/l", Deadlines(connect_s=3, cell_s=30))
    assert (b.user, b.port, b.lease, b.deadlines) == ("root", 22, None, Deadlines(connect_s=3, cell_s=99))
    assert (a.labels, b.labels) == ({"lab": "x", "soc": "none"}, {"lab": "x", "soc": "RK3588"})


def test_gates_are_merged_key_by_key(tmp_path: Path) -> None:
    text = """\
defaults: {health: {max_start_temp_c: 60, wait_s: 0}}
devices:
  - {name: a, host: h, health: {governor: performance, max_load: 0.25, wait_s: 5}}
  - {name: b, host: g}
"""
    a, b = inventory(tmp_path, text).devices
    assert a.health == HealthPlan(max_start_temp_c=60.0, wait_s=5.0, governor="performance", max_load=0.25)
    assert b.health == HealthPlan(max_start_temp_c=60.0, wait_s=0.0)


def test_what_is_not_stated_is_left_to_the_ssh_config(tmp_path: Path) -> None:
    a, b = inventory(tmp_path, "devices:\n- {name: a, host: h}\n- {name: b, host: h, port: 22, user: me}\n").devices
    assert (a.stated_port, a.stated_user) == (None, None)
    assert (b.stated_port, b.stated_user) == (22, "me")


def test_threads_follow_the_cores_where_only_these_are_given(tmp_path: Path) -> None:
    text = "devices:\n- {name: a, host: a, cpus: [4, 5]}\n- {name: b, host: b, cpus: [0, 1, 2, 3, 4, 5]}\n"
    assert [device.threads for device in inventory(tmp_path, text).devices] == [2, 4]


def test_one_host_may_hold_several_devices_that_differ(tmp_path: Path) -> None:
    text = """\
devices:
  - {name: a, host: 127.0.0.1, port: 2201, user: me}
  - {name: b, host: 127.0.0.1, port: 2202, user: me}
  - {name: c, host: 127.0.0.1, port: 2202, user: you}
  - {name: d, host: 127.0.0.1, port: 2202, user: you, lease: ~/other}
"""
    assert len(inventory(tmp_path, text).devices) == 4


def test_relative_paths_belong_to_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "id").touch()
    (tmp_path / "inv.yaml").write_text("devices:\n- {name: a, host: h, identity_file: id}\n")
    monkeypatch.chdir(tmp_path)
    (device,) = load_inventory(Path("inv.yaml")).devices
    assert device.identity_file == tmp_path / "id"


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "id").touch()
    (device,) = inventory(tmp_path, "devices:\n- {name: a, host: h, identity_file: ~/id}\n").devices
    assert device.identity_file == tmp_path / "id"


def nobody() -> str:
    raise KeyError(os.getuid())


def test_a_user_without_a_name_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", nobody)
    (device,) = inventory(tmp_path, "devices:\n- {name: a, host: h}\n").devices
    assert device.user == str(os.getuid())


@pytest.mark.parametrize("kind", ["ed25519", "nistp256", "nistp384", "nistp521", "rsa"])
def test_every_type_of_host_key(tmp_path: Path, kind: str) -> None:
    line = fresh_key(kind)
    (device,) = inventory(tmp_path, f"devices:\n- {{name: a, host: h, host_key: {line}}}\n").devices
    assert device.host_key == line
    assert paramiko.hostkeys.HostKeyEntry.from_line(f"h {device.host_key}") is not None


def test_the_example_loads() -> None:
    found = load_inventory(REPOSITORY / "inventory/example.yaml")
    assert {device.kind for device in found.devices} == {"board", "phone"}
    assert any(device.launcher for device in found.devices)


DEVICES = st.lists(
    st.fixed_dictionaries(
        # Names begin with a letter: PyYAML writes 0e0 without quotes, which is read as a number.
        {"name": st.from_regex(r"[a-z][a-z0-9._-]{0,8}", fullmatch=True), "port": st.integers(1, 65535)},
        optional={
            "kind": st.sampled_from(["board", "phone"]),
            "threads": st.integers(1, 512),
            "emulated": st.booleans(),
            "deadlines": st.fixed_dictionaries(
                {}, optional={"cell_s": st.floats(0.001, 1e5), "connect_s": st.just(5)}
            ),
            "launcher": st.lists(st.from_regex(r"[a-zA-Z0-9 $*'\"-]*[a-z]", fullmatch=True), max_size=3),
            "labels": st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.integers(-5, 5), max_size=3),
        },
    ),
    min_size=1,
    max_size=5,
    unique_by=(lambda device: str(device["name"]), lambda device: int(str(device["port"]))),
)


@given(DEVICES, st.randoms(use_true_random=False))
def test_the_order_of_keys_and_devices_changes_nothing_but_the_order(
    devices: list[dict[str, object]], random: Random
) -> None:
    raw = [{"host": "h", **device} for device in devices]
    shuffled = [dict(random.sample(list(device.items()), len(device))) for device in random.sample(raw, len(raw))]
    first = by_name(json.dumps({"devices": raw}))
    assert first == by_name(yaml.safe_dump({"devices": shuffled}, sort_keys=False))
    assert first == by_name(yaml.safe_dump({"devices": raw}, default_flow_style=True))
    for device in devices:
        port, labels = device["port"], device.get("labels", {})
        assert isinstance(labels, dict)
        assert first[str(device["name"])].port == port
        assert first[str(device["name"])].labels == {key: str(value) for key, value in labels.items()}
        assert first[str(device["name"])].launcher == tuple(device.get("launcher", ()))  # type: ignore[arg-type]


def by_name(text: str) -> dict[str, Device]:
    found = read_inventory(parse(text, Path("inv.yaml"), Code.BAD_INVENTORY))
    return {device.name: device for device in found.devices}
