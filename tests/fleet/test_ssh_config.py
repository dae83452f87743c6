"""Aliases: the user's ssh configuration fills in what the inventory leaves open."""

from pathlib import Path

import pytest

from harness.errors import Code, FarmError
from harness.fleet.ssh_config import Address, hops, resolve, split_jump

CONFIG = """
Host pi
    HostName 10.0.0.7
    Port 2222
    User farmer
    IdentityFile ~/keys/one
    IdentityFile /keys/two
    ProxyJump hop@bastion.lab:2200
Host direct
    ProxyJump none
Host *.lab
    User lab
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


def test_an_alias_brings_everything(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    found = resolve("pi", port=None, user=None, default_user="me", config=config)
    assert found == Address(
        "10.0.0.7", 2222, "farmer", (Path("/home/me/keys/one"), Path("/keys/two")), "hop@bastion.lab:2200"
    )


def test_what_the_inventory_states_wins(config: Path) -> None:
    found = resolve("pi", port=8022, user="root", default_user="me", config=config)
    assert (found.host, found.port, found.user) == ("10.0.0.7", 8022, "root")


def test_what_nobody_states_is_the_default(config: Path, tmp_path: Path) -> None:
    assert resolve("10.0.0.9", port=None, user=None, default_user="me", config=config) == Address(
        "10.0.0.9", 22, "me"
    )
    assert resolve("pi", port=None, user=None, default_user="me", config=tmp_path / "none") == Address("pi", 22, "me")


def test_patterns_and_a_jump_that_is_none(config: Path) -> None:
    assert resolve("pi5.lab", port=None, user=None, default_user="me", config=config).user == "lab"
    assert resolve("direct", port=None, user=None, default_user="me", config=config).proxy_jump is None


@pytest.mark.parametrize(
    "text", ["Host pi\n Port twenty\n", "Match all all\n x", "no keyword here\x00=\n???", "Host pi\n Port\n"]
)
def test_a_configuration_that_makes_no_sense_is_named_or_ignored(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    try:
        found = resolve("pi", port=None, user=None, default_user="me", config=path)
    except FarmError as error:
        problem = error.problem
        assert problem.code is Code.BAD_INVENTORY
        assert str(path) in problem.message
    else:
        assert (found.host, found.port) == ("pi", 22)


def test_a_configuration_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"Host \xff\xfe\n")
    with pytest.raises(FarmError) as caught:
        resolve("pi", port=None, user=None, default_user="me", config=path)
    assert caught.value.problem.code is Code.BAD_INVENTORY


@pytest.mark.parametrize(
    ("jump", "parts"),
    [
        ("bastion", ("bastion", None, None)),
        ("bastion:2200", ("bastion", 2200, None)),
        ("hop@bastion", ("bastion", None, "hop")),
        ("hop@bastion.lab:2200", ("bastion.lab", 2200, "hop")),
        ("hop@[fe80::1]:2200", ("fe80::1", 2200, "hop")),
        ("[::1]", ("::1", None, None)),
    ],
)
def test_a_jump_comes_apart(jump: str, parts: tuple[str, int | None, str | None]) -> None:
    assert split_jump(jump) == parts


@pytest.mark.parametrize("jump", ["bastion:ssh", "bastion:22:22", "hop@bastion:x"])
def test_a_jump_that_makes_no_sense(jump: str) -> None:
    with pytest.raises(FarmError) as caught:
        split_jump(jump)
    assert caught.value.problem.code is Code.BAD_INVENTORY
    assert jump in caught.value.problem.message


CHAIN = """\
Host inner
  HostName 10.0.0.2
  Port 2201
  ProxyJump outer
Host outer
  HostName 192.0.2.1
  User gate
Host loop
  ProxyJump loop
"""


@pytest.mark.parametrize(
    ("jump", "ways"),
    [
        (None, []),
        ("outer", ["gate@192.0.2.1:22"]),
        ("me@outer:2200", ["me@192.0.2.1:2200"]),
        ("inner", ["gate@192.0.2.1:22", "pi@10.0.0.2:2201"]),
        ("far,near:99", ["pi@far:22", "pi@near:99"]),
        ("inner, near", ["gate@192.0.2.1:22", "pi@10.0.0.2:2201", "pi@near:22"]),
    ],
)
def test_bastions_in_the_order_in_which_one_passes_them(tmp_path: Path, jump: str | None, ways: list[str]) -> None:
    (tmp_path / "config").write_text(CHAIN)
    found = hops(jump, default_user="pi", config=tmp_path / "config")
    assert [f"{one.user}@{one.host}:{one.port}" for one in found] == ways


def test_a_bastion_behind_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(CHAIN)
    with pytest.raises(FarmError, match="more than 8 hosts") as caught:
        hops("loop", default_user="pi", config=tmp_path / "config")
    assert caught.value.problem.code is Code.BAD_INVENTORY
