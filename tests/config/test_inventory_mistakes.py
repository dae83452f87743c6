"""Every mistake in an inventory is told with its line, what was read, what was expected and what is near."""

import base64
from pathlib import Path

import pytest

from harness.errors import InputError
from tests.config.yaml_text import inventory, inventory_mistakes

ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIEWi0/mRp1YvVFzYZQEXKLg+7vrD2Gv0rG2ZwUN3oVfT"


def one_device(lines: str) -> str:
    """A device with a name at line 2, whose other keys begin at line 3."""
    return "devices:\n  - name: a53\n" + "".join(f"    {line}\n" for line in lines.splitlines())


DEVICE_KEYS = [
    ("prot: 22", "devices[0].prot (a53): unknown key; did you mean 'port'?"),
    ("identityfile: k", "unknown key; did you mean 'identity_file'?"),
    ("zzz: 1", "unknown key; known: name, kind, host, port"),
    ("<<: {port: 1}", "unknown key; known:"),
    ("password: hunter2", "devices[0].password (a53): unknown key; never a password: use identity_file or the agent"),
    ("Passphrase: hunter2", "never a password"),
    ("pasword: hunter2", "never a password"),
    ('port: "22"', "devices[0].port (a53): read '22' (text), expected a whole number 1..65535; write it without"),
    ("port: 0", "read 0, expected a whole number 1..65535"),
    ("port: 65536", "read 65536, expected a whole number 1..65535"),
    ("port: true", "read true, expected a whole number"),
    ("port: 22.0", "read 22.0, expected a whole number"),
    ("port: 022", "read '022' (text), expected a whole number"),
    ("port: 12345678901234567890123", "(text), expected a whole number"),
    ("port:", "read nothing, expected a whole number"),
    ("port: [22]", "read a list of 1, expected a whole number"),
    ("kind: bord", "read 'bord' (text), expected one of board, phone; did you mean 'board'?"),
    ("kind: 3", "read 3, expected one of board, phone"),
    ("user: a b", "expected a user name"),
    ("user: -oProxyCommand=x", "expected a user name"),
    ("user: 5", "read 5, expected text; put it in quotes"),
    ("threads: 0", "read 0, expected a whole number 1..512"),
    ("threads: 9999", "read 9999, expected a whole number 1..512"),
    ("threads: -1", "read -1, expected a whole number"),
    ("cpus: []", "read an empty list, expected a list of core numbers 0..1023"),
    ("cpus: 3", "read 3, expected a list of core numbers"),
    ("cpus: [0, 0]", "expected each core once"),
    ("cpus: [-1]", "expected a list of core numbers"),
    ("cpus: [true]", "expected a list of core numbers"),
    ("cpus: [0, 1]\nthreads: 3", "devices[0].cpus (a53): 3 threads on 2 cores, expected at most one thread a core"),
    ("emulated: yes", "read 'yes' (text), expected true or false"),
    ("emulated: 1", "read 1, expected true or false"),
    ("python: ''", "expected text that is not empty"),
    ("python: ' '", "expected text that is not empty"),
    ("launcher: proot", "read 'proot' (text), expected a list"),
    ("launcher: [a, '']", "devices[0].launcher[1] (a53): read '' (text), expected text that is not empty"),
    ('launcher: ["a\\0"]', "launcher[0] (a53): read 'a\\x00' (text), expected text in one line"),
    ('launcher: ["a\\nb"]', "expected text in one line, without control characters"),
    ('python: "\\e[31m"', "expected text in one line, without control characters"),
    ("workdir: farm", "expected a path on the device that starts with / or ~/"),
    ("workdir: /", "name a folder of its own"),
    ("workdir: ~/", "name a folder of its own"),
    ("workdir: /a/../..", "without .."),
    ("lease: here", "expected a path on the device"),
    (
        "site: lab-z",
        "site (a53): the site 'lab-z' (text), expected one of those under `sites:`; known: local",
    ),
    ("site: LAB", "expected a name of a-z 0-9 . _ -"),
    ("deadlines: 5", "read 5, expected a mapping"),
    ("deadlines: {connect_s: -1}", "deadlines.connect_s (a53): read -1, expected a number above 0 and below 3600"),
    ("deadlines: {cell_s: 0}", "read 0, expected a number above 0 and below 604800"),
    ("deadlines: {cell_s: 1e999}", "read inf, expected a number"),
    ("health: {max_temp: 5}", "devices[0].health.max_temp (a53): unknown key; did you mean 'max_temp_rise_c'?"),
    ("health: {max_load: 1.0}", "devices[0].health.max_load (a53): read 1.0, expected a number above 0 and below 1"),
    ("health: {wait_s: -1}", "read -1, expected a number from 0 and below 604800"),
    ("health: {cool_down_s: .nan}", "read '.nan' (text), expected a number from 0"),
    ("health: {cool_down_s: true}", "read true, expected a number from 0"),
    ("health: {min_battery_percent: 0}", "read 0, expected a whole number 1..100"),
    ("health: {set_aside_after: 0}", "read 0, expected a whole number 1..1000"),
    ("health: {governor: a;b}", "expected a governor's name, as `performance`"),
    ("deadlines: {cell_s: .nan}", "read '.nan' (text), expected a number"),
    ("deadlines: {cel_s: 5}", "deadlines.cel_s (a53): unknown key; did you mean 'cell_s'?"),
    ("deadlines: {cell_s: true}", "read true, expected a number"),
    ("labels: [a]", "read a list of 1, expected a mapping"),
    ("labels: {a=b: c}", "the key 'a=b' (text), expected a label without ="),
    ("labels: {soc: [1]}", "devices[0].labels.soc (a53): read a list of 1, expected text"),
    ("labels: {soc: }", "labels.soc (a53): read nothing, expected text"),
    ("identity_file: nokey", "read 'nokey' (text), expected a file that exists; there is no file"),
    ("identity_file: .", "expected a file that exists"),
    ("identity_file: id.pub", "expected the private key"),
    ("identity_file: ~nobody-here/key", "there is no such user"),
    ("proxy_jump: a,b", "expected one bastion as [user@]host[:port]"),
    ("proxy_jump: a:99999", "expected one bastion"),
    ("proxy_jump: -x", "expected one bastion"),
]


@pytest.mark.parametrize(("line", "expected"), DEVICE_KEYS)
def test_a_devices_key(tmp_path: Path, line: str, expected: str) -> None:
    found = inventory_mistakes(tmp_path, one_device("host: h\n" + line))
    assert len(found) == 1
    assert found[0].startswith("inv.yaml:4: devices[0].")
    assert expected in found[0]
    assert "hunter2" not in found[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("host: 7", "read 7, expected text; put it in quotes"),
        ("host: pi@board", "write user and port as keys of their own"),
        ("host: board:2222", "write user and port as keys of their own"),
        ("host: -oProxyCommand=x", "expected an address, a name or an alias"),
        ("host: a b", "expected an address, a name or an alias"),
        ("host: a/b", "expected an address, a name or an alias"),
    ],
)
def test_a_devices_host(tmp_path: Path, line: str, expected: str) -> None:
    (found,) = inventory_mistakes(tmp_path, one_device(line))
    assert found.startswith("inv.yaml:3: devices[0].host (a53): read ")
    assert expected in found


def blob(*fields: bytes) -> str:
    return base64.b64encode(b"".join(len(f).to_bytes(4, "big") + f for f in fields)).decode()


HOST_KEYS = [
    ("ssh-ed25519", "type one of ssh-ed25519"),
    ("ssh-ed25519 " + ED25519[:-1], "base64 is damaged"),
    ("ssh-ed25519 " + ED25519[:-4], "content is damaged"),
    ("ssh-ed25519 !!!!", "base64 is damaged"),
    ("ssh-rsa " + ED25519, "the key inside is of another type than ssh-rsa"),
    ("ssh-dss " + ED25519, "type one of"),
    ("board " + "ssh-ed25519 " + ED25519, "type one of"),
    ("ssh-ed25519 " + blob(b"ssh-ed25519", b"short"), "content is damaged"),
    ("ssh-ed25519 " + blob(b"ssh-ed25519"), "content is damaged"),
    ("ssh-rsa " + blob(b"ssh-rsa", b"", b""), "content is damaged"),
    ("ecdsa-sha2-nistp256 " + blob(b"ecdsa-sha2-nistp256", b"nistp256", b"\x04" + bytes(64)), "content is damaged"),
    ("ecdsa-sha2-nistp256 " + blob(b"ecdsa-sha2-nistp256", b"nistp999", b"\x04" + bytes(64)), "content is damaged"),
]


@pytest.mark.parametrize(("key", "expected"), HOST_KEYS)
def test_a_pinned_key(tmp_path: Path, key: str, expected: str) -> None:
    (found,) = inventory_mistakes(tmp_path, one_device(f"host: h\nhost_key: {key}"))
    assert found.startswith("inv.yaml:4: devices[0].host_key (a53): read ")
    assert expected in found


WHOLE_FILES = [
    ("", "inv.yaml:1: read nothing, expected a mapping", 2),
    ("- a", "inv.yaml:1: read a list of 1, expected a mapping", 2),
    ("{}", "inv.yaml:1: devices: the key 'devices' is missing, expected a list of at least one device", 1),
    ("sites: {}\ndevices: []", "inv.yaml:2: devices: read an empty list, expected a list of at least one device", 1),
    ("devices: {a: {host: b}}", "inv.yaml:1: devices: read a mapping, expected a list of at least one device", 1),
    ("devices:\n- a", "inv.yaml:2: devices[0]: read 'a' (text), expected a mapping", 1),
    ("devices:\n- {}", "inv.yaml:2: devices[0].name: the key 'name' is missing", 2),
    ("devices:\n- {name: a}", "inv.yaml:2: devices[0].host (a): the key 'host' is missing", 1),
    ("devices:\n- {host: a}", "inv.yaml:2: devices[0].name: the key 'name' is missing", 1),
    ("devcies: []\ndevices:\n- {name: a, host: b}", "inv.yaml:1: devcies: unknown key; did you mean 'devices'?", 1),
    (
        "devices:\n- {name: A/b, host: b}",
        "inv.yaml:2: devices[0].name (A/b): read 'A/b' (text), expected a name of a-z 0-9 . _ - that starts with "
        "a letter or digit; try 'a-b'",
        1,
    ),
    ("devices:\n- {name: ..., host: b}", "expected a name of a-z 0-9 . _ -", 1),
    (
        "devices:\n- {name: a, host: b}\n- name: a\n  host: c",
        "inv.yaml:3: devices[1].name: the name 'a' (text) a second time; already at line 2",
        1,
    ),
    (
        "defaults: {user: pi}\ndevices:\n- {name: a, host: Board}\n- name: b\n  host: board\n  port: 22",
        "inv.yaml:5: devices[1].host: 'a' and 'b' have the same host, port, user and lease",
        1,
    ),
    (
        "devices:\n- {name: a, host: b}\n- {name: c, host: b, lease: ~/.cache/farm/lease}",
        "'a' and 'c' have the same host, port, user and lease",
        1,
    ),
    ("sites: [a]\ndevices:\n- {name: a, host: b}", "inv.yaml:1: sites: read a list of 1, expected a mapping", 1),
    (
        "sites: {A: {}}\ndevices:\n- {name: a, host: b}",
        "inv.yaml:1: sites.A: the name 'A' (text), expected",
        1,
    ),
    ("sites: {a: {b: 1}}\ndevices:\n- {name: a, host: b}", "inv.yaml:1: sites.a: read a mapping, expected {}", 1),
    (
        "sites: {lab-a: {}}\ndevices:\n- name: a\n  host: b\n  site: lab-b",
        "inv.yaml:5: devices[0].site (a): the site 'lab-b' (text), expected one of those under `sites:`; "
        "did you mean 'lab-a'?",
        1,
    ),
    ("defaults: 5\ndevices:\n- {name: a, host: b}", "inv.yaml:1: defaults: read 5, expected a mapping", 1),
    ("defaults: {name: x}\ndevices:\n- {name: a, host: b}", "inv.yaml:1: defaults.name: a name for all", 1),
    ("defaults: {name: x}\ndevices:\n- {host: b}", "inv.yaml:3: devices[0].name: the key 'name' is missing", 2),
    (
        "defaults:\n  port: 0\ndevices:\n- {name: a, host: b}\n- {name: c, host: d, port: 1}",
        "inv.yaml:2: defaults.port: read 0, expected a whole number 1..65535",
        1,
    ),
    (
        "defaults: {deadlines: {cell_s: -1}}\ndevices:\n- {name: a, host: b}",
        "inv.yaml:1: defaults.deadlines.cell_s:",
        1,
    ),
    (
        "defaults: {cpus: [0, 1]}\ndevices:\n- name: a\n  host: b\n  threads: 3",
        "inv.yaml:5: devices[0].threads (a): 3 threads on 2 cores",
        1,
    ),
    (
        "devices:\n- name: a\n  host: b\n  host: c",
        "inv.yaml:4: devices[0].host: the key a second time; already at line 3",
        1,
    ),
    (
        "x: {y: 1}\nx: {y: 2}\ndevices:\n- {name: a, host: b}",
        "inv.yaml:2: x: the key a second time; already at line 1",
        2,
    ),
]


@pytest.mark.parametrize(("text", "expected", "count"), WHOLE_FILES)
def test_a_whole_file(tmp_path: Path, text: str, expected: str, count: int) -> None:
    found = inventory_mistakes(tmp_path, text)
    assert any(expected in line for line in found), found
    assert len(found) == count


def test_all_mistakes_are_told_at_once_and_by_line(tmp_path: Path) -> None:
    text = """\
defaults: {threads: 0, prot: 3}
sites: {lab-a: {}}
devices:
  - name: pi5-01
    host: pi5.lab
    port: "22"
    site: lab-b
  - name: pi5-02
    host: pi5.lab
    port: "22"
    deadlines: {connect_s: -1, cel_s: 2}
    cpus: [1, 1]
  - name: pi5-01
    identity_file: nokey
"""
    found = inventory_mistakes(tmp_path, text)
    places = [line.split(" ")[0] + " " + line.split(" ")[1].rstrip(":") for line in found]
    assert places == [
        "inv.yaml:1: defaults.prot",
        "inv.yaml:1: defaults.threads",
        "inv.yaml:6: devices[0].port",
        "inv.yaml:7: devices[0].site",
        "inv.yaml:9: devices[1].host",
        "inv.yaml:10: devices[1].port",
        "inv.yaml:11: devices[1].deadlines.cel_s",
        "inv.yaml:11: devices[1].deadlines.connect_s",
        "inv.yaml:12: devices[1].cpus",
        "inv.yaml:13: devices[2].host",
        "inv.yaml:13: devices[2].name",
        "inv.yaml:14: devices[2].identity_file",
    ]


def test_messages_hold_no_control_characters(tmp_path: Path) -> None:
    found = inventory_mistakes(tmp_path, 'devices:\n- {name: "\\e[31m", host: b, "\\e]0;x": 1}\n')
    assert len(found) == 2
    assert all(line.isprintable() for line in found)


def test_of_very_many_mistakes_the_first_are_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        inventory(tmp_path, "devices:\n" + "- a\n" * 1000)
    lines = caught.value.problem.message.splitlines()
    assert lines[0] == "1000 mistakes:"
    assert lines[1].endswith("inv.yaml:2: devices[0]: read 'a' (text), expected a mapping (key: value)")
    assert len(lines) == 202
    assert lines[-1] == "  and 800 more"
