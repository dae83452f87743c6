"""The state of a device, from recorded trees of boards and phones, and of what tells nothing or rubbish."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agent.health import busy, health
from harness.agent.sensors import governor
from harness.evidence import Health
from harness.fleet.figures import value

TREES = Path(__file__).parent / "trees"


def grown(tree: dict[str, str], root: Path) -> str:
    for name, content in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return str(root)


def recorded(name: str, tmp_path: Path) -> Health:
    root = grown(json.loads((TREES / f"{name}.json").read_text()), tmp_path)
    return value(Health, health("/", root))


def test_a_raspberry_pi_5_at_its_soft_limit(tmp_path: Path) -> None:
    """e0008: bit 3 of now; bits 17 to 19 are of ever. The fan's cooling device is no throttling."""
    found = recorded("raspberry-pi-5", tmp_path)
    assert found.temperatures == {"cpu-thermal": 81.2}
    assert (found.clocks_mhz, found.limits_mhz) == ({"policy0": 1500.0}, {"policy0": 2400.0})
    assert found.throttled == ("soft temperature limit",)
    assert (found.load1, found.memory_available_mb, found.battery_percent) == (3.91, 7168, None)
    assert found.governor == "ondemand"


def test_a_raspberry_pi_4_on_a_weak_supply(tmp_path: Path) -> None:
    """50005: bits 0 and 2 of now."""
    assert recorded("raspberry-pi-4", tmp_path).throttled == ("under-voltage", "throttled")


def test_a_jetson(tmp_path: Path) -> None:
    """A zone that gives nothing is left out; its processor's alert is on, the graphics unit's is no matter here."""
    found = recorded("jetson-orin-nano", tmp_path)
    assert found.temperatures == {"cpu-thermal": 52.4, "gpu-thermal": 52.0, "soc0-thermal": 50.9, "tj-thermal": 52.4}
    assert found.clocks_mhz == {"policy0": 1510.4, "policy4": 729.6}
    assert found.throttled == ("cpu-throttle-alert at 1",)


def test_an_rk3588_whose_big_cores_are_slowed(tmp_path: Path) -> None:
    found = recorded("rk3588-rock-5b", tmp_path)
    assert found.throttled == ("thermal-cpufreq-1 at 5",)
    assert found.limits_mhz == {"policy0": 1800.0, "policy4": 1608.0, "policy6": 2304.0}
    assert max(found.temperatures.values()) == 85.0


def test_a_qualcomm_phone_on_its_battery(tmp_path: Path) -> None:
    """It hides /proc/stat and /proc/loadavg; a modem that is asleep reads -273."""
    found = recorded("qualcomm-sm8550-phone", tmp_path)
    assert (found.battery_percent, found.charging, found.battery_temperature) == (63.0, False, 30.5)
    assert (found.load1, found.busy) == (None, None)
    assert found.throttled == ("thermal-cpufreq-7 at 3",)
    assert "modem-skin-usr" not in found.temperatures
    assert governor(str(tmp_path)) is None, "this tree has no cpu*/cpufreq"
    assert found.governor == "walt"


def test_a_machine_that_says_nothing(tmp_path: Path) -> None:
    found = value(Health, health(str(tmp_path / "nowhere"), str(tmp_path)))
    assert found == Health()


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"cpufreq/policy0": "schedutil", "cpufreq/policy4": "performance"}, "performance,schedutil"),
        ({"cpu0/cpufreq": "ondemand", "cpu1/cpufreq": "ondemand"}, "ondemand"),  # no policies, as on old kernels
        ({"cpufreq/policy0": "x" * 300}, "x" * 100),
        ({}, None),
    ],
)
def test_the_governor_of_the_moment(tmp_path: Path, tree: dict[str, str], expected: str | None) -> None:
    files = {f"sys/devices/system/cpu/{name}/scaling_governor": text for name, text in tree.items()}
    assert health("/", grown(files, tmp_path))["governor"] == expected


STAT = "cpu  {user} 0 100 {idle} 50 0 0 0 0 0\ncpu0 1 2 3 4\n"


@pytest.mark.parametrize(("used", "idle", "share"), [(30, 70, 0.3), (0, 100, 0.0), (100, 0, 1.0)])
def test_the_share_of_the_cores_that_is_used(tmp_path: Path, used: int, idle: int, share: float) -> None:
    root = grown({"proc/stat": STAT.format(user=1000, idle=5000)}, tmp_path)

    def sleep(seconds: float) -> None:
        assert seconds == 0.5
        grown({"proc/stat": STAT.format(user=1000 + used, idle=5000 + idle)}, tmp_path)

    assert busy(root, 0.5, sleep) == share


def test_a_counter_that_stands_still_tells_nothing(tmp_path: Path) -> None:
    root = grown({"proc/stat": STAT.format(user=1000, idle=5000)}, tmp_path)
    assert busy(root, 0.5, lambda _: None) is None


def test_a_mouse_has_a_battery_too(tmp_path: Path) -> None:
    mouse = {"type": "Battery\n", "scope": "Device\n", "capacity": "5\n"}
    root = grown({f"sys/class/power_supply/a-mouse/{name}": text for name, text in mouse.items()}, tmp_path)
    assert health("/", root)["battery_percent"] is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_rubbish_in_any_file_is_left_out(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    tree: dict[str, str] = json.loads(data.draw(st.sampled_from(sorted(TREES.glob("*.json")))).read_text())
    rubbish = st.sampled_from(["", "\n", "nan", "1e999", "-1", "0x", "9" * 400, "\x1b[2J", "ffffffffffff", "a b c"])
    for name in data.draw(st.lists(st.sampled_from(sorted(tree)), max_size=6)):
        tree[name] = data.draw(rubbish | st.text(max_size=40))
    root = tmp_path_factory.mktemp("tree")
    for name, text in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", errors="replace")
    assert isinstance(value(Health, health("/", str(root))), Health)
