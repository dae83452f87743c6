"""Wheels: which platform has any, which tags pip may take, and a cache that was damaged. pip is never run."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agent.facts import facts
from harness.errors import Blame, Code, DeviceError, FarmError
from harness.fleet import wheels
from harness.fleet.wheels import Platform, Wheel, WheelHouse, lock_text

BOARD: dict[str, object] = {
    "machine": "aarch64",
    "bits": 64,
    "libc": "glibc",
    "libc_version": "2.36",
    "python_tag": "cp311",
}


def board(**changes: object) -> Platform:
    return Platform.of({**BOARD, **changes})


def test_a_platform_is_read_from_facts() -> None:
    assert board() == Platform("aarch64", 64, "glibc", "2.36", "cp311")
    assert Platform.of({}) == Platform("", 0, "", "", "")


def test_the_lock_of_a_board_pins_the_engine_by_hash() -> None:
    text = lock_text(board(), "3.6.1")
    assert "mnn==3.6.1 " in text
    assert "--hash=sha256:" in text
    assert "numpy==" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"machine": "riscv64"}, "riscv64"),
        ({"machine": "armv7l"}, "armv7l"),
        ({"machine": ""}, "unknown machine"),
        ({"bits": 32}, "32-bit"),
        ({"bits": "64"}, "0-bit"),
        ({"libc": "musl", "libc_version": ""}, "musl"),
        ({"libc": ""}, "unknown"),
        ({"python_tag": "cp37"}, "cp37"),
        ({"python_tag": "cp315"}, "cp315"),
        ({"python_tag": ""}, "unknown kind"),
        ({"python_tag": "pp310"}, "pp310"),
        ({"python_tag": "../cp311"}, "../cp311"),
        ({"python_tag": "x" * 5000}, "xxx"),
        ({"python_tag": "cp311\0"}, "cp311"),
        ({"python_tag": "\ud800"}, "Python"),
        ({"libc_version": ""}, "glibc"),
        ({"libc_version": "2"}, "glibc"),
        ({"libc_version": "2.x"}, "glibc"),
        ({"libc_version": "2.99999999999"}, "glibc"),
        ({"libc_version": "2.12"}, "2.12"),
        ({"libc_version": "3.0"}, "3.0"),
    ],
)
def test_no_wheel_has_a_reason(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DeviceError) as caught:
        lock_text(board(**changes), "3.6.1")
    assert caught.value.problem.code is Code.NO_WHEEL
    assert words in caught.value.problem.message


def test_an_engine_without_a_lock() -> None:
    with pytest.raises(DeviceError) as caught:
        lock_text(board(), "0.0.1")
    assert caught.value.problem.code is Code.NO_WHEEL
    assert "MNN 0.0.1" in caught.value.problem.message
    assert caught.value.problem.what_to_do == "Ask for MNN 3.0.0, 3.2.0 or 3.6.1 in `engines:`."


@pytest.mark.parametrize(
    ("engine", "tag", "advice"),
    [
        ("3.1.0", "cp313", "Ask for MNN 3.6.1 in `engines:`."),
        ("3.1.0", "cp315", "Ask for MNN 3.0.0, 3.2.0 or 3.6.1 in `engines:`."),
        (
            "3.6.1",
            "cp315",
            "Give the device Python 3.8, 3.9, 3.10, 3.11, 3.12, 3.13 or 3.14 and name it in `python:`.",
        ),
        (
            "3.2.0",
            "cp314",
            "Ask for MNN 3.6.1 in `engines:`, or give the device Python 3.8, 3.9, 3.10, 3.11 or 3.12 "
            "and name it in `python:`.",
        ),
    ],
)
def test_what_to_do_without_a_lock_is_what_the_locks_have(engine: str, tag: str, advice: str) -> None:
    with pytest.raises(DeviceError) as caught:
        lock_text(board(python_tag=tag), engine)
    assert caught.value.problem.what_to_do == advice


RECORDED = Path(__file__).parent / "facts"


@pytest.mark.parametrize(
    ("device", "words", "advice"),
    [
        ("alpine-3.22", "The C library is musl, and MNN's wheels need glibc.", "glibc userland"),
        ("termux-without-a-launcher", "The C library is unknown, and MNN's wheels need glibc.", "glibc userland"),
        ("raspberry-pi-os-32-bit", "The userland is 32-bit; MNN has 64-bit wheels only.", "aarch64 or x86_64"),
        ("raspberry-pi-os-32-bit-kernel-too", "MNN has no wheel for armv7l.", "aarch64 or x86_64"),
        ("debian-with-python-3.15", "MNN 3.6.1 has no wheel for Python cp315 in the farm's locks.", "3.13 or 3.14"),
    ],
)
def test_devices_that_no_wheel_is_for(device: str, words: str, advice: str) -> None:
    """As the agent describes such devices, with all that it says of any."""
    said = json.loads((RECORDED / f"{device}.json").read_text())
    assert said.keys() == facts("/").keys()
    with pytest.raises(DeviceError) as caught:
        lock_text(Platform.of(said), "3.6.1")
    problem = caught.value.problem
    assert (problem.code, problem.blame, problem.message) == (Code.NO_WHEEL, Blame.DEVICE, words)
    assert advice in problem.what_to_do


def test_the_recorded_devices_are_all_looked_at() -> None:
    assert len(list(RECORDED.glob("*.json"))) == 5


rubbish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


def test_an_older_engine_has_no_wheel_for_a_newer_python_and_a_newer_engine_has() -> None:
    """So a column of one engine may be N/A on a board whose other columns are measured."""
    newer = board(python_tag="cp313")
    with pytest.raises(DeviceError, match=r"MNN 3\.0\.0.*3\.13|3\.13.*MNN 3\.0\.0|cp313") as caught:
        lock_text(newer, "3.0.0")
    assert caught.value.problem.code is Code.NO_WHEEL
    assert "mnn==3.6.1" in lock_text(newer, "3.6.1").lower()


@given(st.dictionaries(st.sampled_from([*BOARD]), rubbish))
def test_whatever_a_device_says_there_is_a_lock_or_no_wheel(changes: dict[str, object]) -> None:
    platform = board(**changes)
    try:
        lock_text(platform, "3.6.1")
        assert platform.pip_tags
    except DeviceError as error:
        problem = error.problem
        assert problem.code is Code.NO_WHEEL


def test_the_tags_go_down_from_the_devices_c_library() -> None:
    assert board(libc_version="2.19").pip_tags == (
        "manylinux_2_19_aarch64",
        "manylinux_2_18_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
    )
    assert board(libc_version="2.31", machine="x86_64").pip_tags[0] == "manylinux_2_31_x86_64"
    assert board(libc_version="2.17").pip_tags == ("manylinux_2_17_aarch64", "manylinux2014_aarch64")


class FakePip:
    """Stands in for pip: writes files where the command says, and remembers the commands."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str]) -> None:
        self.commands.append(command)
        target = Path(command[command.index("-d") + 1])
        target.mkdir()
        for name, data in self.files.items():
            (target / name).write_bytes(data)


FILES = {"mnn-3.6.1-cp311.whl": b"engine", "numpy-2.0-cp311.whl": b"numbers"}


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> FakePip:
    fake = FakePip(FILES)
    monkeypatch.setattr(wheels, "_run_pip", fake)
    return fake


def test_wheels_are_fetched_once_for_the_devices_platform(tmp_path: Path, pip: FakePip) -> None:
    house = WheelHouse(tmp_path / "cache")
    found = house.resolve(board(), "3.6.1")
    assert [(wheel.name, wheel.digest) for wheel in found] == [
        (name, hashlib.sha256(data).hexdigest()) for name, data in sorted(FILES.items())
    ]
    assert [wheel.path.read_bytes() for wheel in found] == [b"engine", b"numbers"]
    assert house.resolve(board(), "3.6.1") == found
    assert WheelHouse(tmp_path / "cache").resolve(board(), "3.6.1") == found
    (command,) = pip.commands
    assert command[command.index("--python-version") + 1] == "3.11"
    assert {"--require-hashes", "--no-deps", "manylinux_2_36_aarch64"} <= set(command)
    assert not list((tmp_path / "cache").glob(".fetch-*"))


def test_another_platform_or_engine_has_its_own_folder(tmp_path: Path, pip: FakePip) -> None:
    house = WheelHouse(tmp_path)
    for platform, engine in [(board(), "3.6.1"), (board(), "3.0.0"), (board(libc_version="2.31"), "3.6.1")]:
        house.resolve(platform, engine)
    assert len(pip.commands) == len(list(tmp_path.iterdir())) == 3


def fetched(root: Path) -> tuple[Wheel, ...]:
    return WheelHouse(root).resolve(board(), "3.6.1")


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_cache_is_noticed(tmp_path: Path, pip: FakePip, damage: str) -> None:
    victim = fetched(tmp_path)[1].path
    if damage == "gone":
        victim.unlink()
    else:
        victim.write_bytes(b"number" if damage == "cut" else b"Numbers")
    with pytest.raises(FarmError) as caught:
        fetched(tmp_path)
    problem = caught.value.problem
    assert problem.code is Code.STORE_CORRUPT
    assert str(victim) in problem.message
    assert str(victim.parent) in problem.what_to_do
    assert len(pip.commands) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"a": 1})])
def test_a_damaged_index_is_noticed(tmp_path: Path, pip: FakePip, text: str) -> None:
    folder = fetched(tmp_path)[0].path.parent
    (folder / "index.json").write_text(text)
    with pytest.raises(FarmError) as caught:
        fetched(tmp_path)
    assert caught.value.problem.code is Code.STORE_CORRUPT
    assert str(folder) in caught.value.problem.what_to_do
