"""A phone: no Python where SSH lands, a Debian behind the launcher; and the page that says how to add one."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.emulator.board import Board
from harness.emulator.boards import down, up
from tests.boards import ssh
from tests.e2e.farm import experiment

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "inventory" / "add-a-phone.md"
NO_SUCH_COMMAND = 127


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("phone")
    kept, held = os.pipe()
    try:
        (board,) = up((), folder, leash=kept, phones=("cortex-a76",))
        yield board
    finally:
        down(folder)
        os.close(held)
        os.close(kept)


@pytest.mark.parametrize("program", ["python3", "bash", "sha256sum", "flock", "tar"])
def test_where_ssh_lands_there_is_busybox_and_little_of_it(phone: Board, program: str) -> None:
    assert ssh(phone, f"{program} --version").returncode == NO_SUCH_COMMAND


def test_behind_the_launcher_there_is_a_debian_that_hides_what_android_hides(phone: Board) -> None:
    code = "import os; print(os.getuid(), os.uname().machine, len(open('/proc/stat').read()))"
    done = ssh(phone, f"proot-distro login debian -- python3 -c {shlex.quote(code)}")
    assert done.stdout.split() == ["0", "aarch64", "0"], done.stderr


def test_the_launcher_hands_on_words_status_and_input(phone: Board) -> None:
    asked = "proot-distro login debian -- sh -c 'read line; echo \"$line|$1\"; exit 5' sh 'a  b'"
    done = ssh(phone, asked, stdin="typed\n")
    assert (done.returncode, done.stdout) == (5, "typed|a  b\n")


def test_the_page_on_how_to_add_a_phone(phone: Board, tmp_path: Path) -> None:
    """Its commands in their order, with nothing changed but the phone's address and whose key it is."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (written,) = [text for kind, text in blocks if kind == "yaml"]
    commands = [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    assert [line.split()[0] for line in commands] == ["ssh", "ssh", "ssh-keyscan", "farm", "farm"]
    experiment(tmp_path / "experiment.yaml", precisions=["fp32", "fp16"], images=10)
    said: list[str] = []
    for command in commands:
        if "check" in command:
            key = next(line.partition(" ")[2] for line in said[-1].splitlines() if not line.startswith("#"))
            (tmp_path / "phone.yaml").write_text(_here(written, phone, key))
        done = subprocess.run(
            _words(command, phone), cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        said.append(done.stdout)
    assert (said[0], said[1][:9]) == ("aarch64\n", "Python 3.")
    assert "✓ my-phone: aarch64" in said[3]
    report = (tmp_path / "reports/my-phone/report.md").read_text()
    assert "| my-phone" in report
    assert "phone" in report.partition("## Devices")[2]
    store = phone.home / ".cache/farm/store"
    assert any(store.iterdir()), "the workdir is inside the inner userland"
    outer = phone.home.parent / "termux/home"
    assert list(outer.iterdir()) == [], "and nothing was left in the outer one"


def _here(text: str, phone: Board, key: str = "") -> str:
    places = {
        "192.0.2.7": phone.host,
        "8022": str(phone.port),
        "u0_a123": phone.user,
        "~/.ssh/id_ed25519": str(phone.identity_file),
        "ssh-ed25519 AAAA…": key,
    }
    for shown, real in places.items():
        text = text.replace(shown, real)
    return text


def _words(command: str, phone: Board) -> list[str]:
    program, *rest = shlex.split(_here(command, phone))
    if program == "farm":
        return [sys.executable, "-m", "harness", *rest]
    if program == "ssh":
        return [*phone.ssh_command()[:-1], *rest]
    return [program, *rest]


def test_the_inventory_that_is_written_for_it_is_the_page_s(phone: Board) -> None:
    (device,) = yaml.safe_load((phone.identity_file.parent / "inventory.yaml").read_text())["devices"]
    (written,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (shown,) = yaml.safe_load(written)["devices"]
    assert device["kind"] == shown["kind"] == "phone"
    assert device["launcher"] == shown["launcher"]
