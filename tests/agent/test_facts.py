"""The fingerprint, from recorded trees of boards and of machines that say nothing."""

import os
import sys
from pathlib import Path

import pytest

from harness.agent import hwcap
from harness.agent.facts import c_library, facts, isa
from harness.agent.sensors import first_number, frequency_mhz, governor, temperatures
from harness.fleet.wheels import Platform

PI5 = {
    "proc/meminfo": "MemTotal:  8245248 kB\nMemFree:  100 kB\nMemAvailable: 7340032 kB\nHugePages_Total: 0\n",
    "proc/loadavg": "0.52 0.58 0.59 1/389 12345\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "47850\n",
    "sys/class/thermal/cooling_device0/type": "Processor\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq": "1500000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "2400000\n",
    "sys/devices/system/cpu/cpufreq/policy0/affected_cpus": "0 1 2 3\n",
}
PHONE = {
    "sys/class/thermal/thermal_zone0/type": "battery",
    "sys/class/thermal/thermal_zone0/temp": "31000",
    "sys/class/thermal/thermal_zone1/type": "cpu-0-0",
    "sys/class/thermal/thermal_zone1/temp": "52300",
    "sys/class/thermal/thermal_zone2/type": "cpu-0-0",
    "sys/class/thermal/thermal_zone2/temp": "53100",
    "sys/class/thermal/thermal_zone3/type": "modem",
    "sys/class/thermal/thermal_zone3/temp": "-273000",
    "sys/class/thermal/thermal_zone4/type": "broken",
    "sys/class/thermal/thermal_zone5/type": "odd",
    "sys/class/thermal/thermal_zone5/temp": "nan",
    "sys/class/thermal/thermal_zone6/type": "cold",
    "sys/class/thermal/thermal_zone6/temp": "0",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq": "300000",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000",
    "sys/devices/system/cpu/cpu7/cpufreq/scaling_governor": "performance",
    "sys/devices/system/cpu/cpu7/cpufreq/cpuinfo_min_freq": "800000",
    "sys/devices/system/cpu/cpu7/cpufreq/scaling_cur_freq": "2841600",
}


@pytest.fixture
def recorded(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    for name, content in request.param.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.mark.parametrize("recorded", [PI5], indirect=True)
def test_a_raspberry_pi(recorded: Path) -> None:
    found = facts("/", str(recorded))
    assert (found["memory_total_mb"], found["memory_available_mb"]) == (8052, 7168)
    assert found["load1"] == 0.52
    assert found["governor"] == "ondemand"
    assert found["frequency_mhz"] == {"min": 1500.0, "current": 1500.0, "max": 2400.0}
    assert found["temperatures"] == {"cpu-thermal": 47.9}


@pytest.mark.parametrize("recorded", [PHONE], indirect=True)
def test_a_phone_with_two_kinds_of_cores(recorded: Path) -> None:
    root = str(recorded)
    assert temperatures(root) == {"battery": 31.0, "cpu-0-0": 52.3, "thermal_zone2": 53.1, "cold": 0.0}
    assert governor(root) == "performance,schedutil"
    assert frequency_mhz(root) == {"min": 300.0, "current": 2841.6}


@pytest.mark.parametrize("recorded", [{}], indirect=True)
def test_a_machine_that_says_nothing(recorded: Path) -> None:
    found = facts(str(recorded / "nowhere"), str(recorded))
    for name in ("memory_total_mb", "memory_available_mb", "disk_free_mb", "load1", "governor"):
        assert found[name] is None
    assert found["frequency_mhz"] == found["temperatures"] == {}


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "proc/meminfo").mkdir(parents=True)  # reading a folder fails, whoever asks
    (tmp_path / "proc/loadavg").write_bytes(b"\xff\xfe")
    found = facts("/", str(tmp_path))
    assert found["memory_total_mb"] is None
    assert found["load1"] is None


@pytest.mark.parametrize("raised", [ValueError("unrecognized configuration name"), OSError(22, "Invalid argument")])
@pytest.mark.parametrize(
    ("loaders", "expected"),
    [
        (["ld-musl-aarch64.so.1", "libc.musl-aarch64.so.1"], ("musl", "")),
        (["libc.so"], ("", "")),
        ([], ("", "")),
    ],
)
def test_a_c_library_that_does_not_name_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, loaders: list[str], expected: tuple[str, str]
) -> None:
    def refuses(name: str) -> str:
        assert name == "CS_GNU_LIBC_VERSION"
        raise raised

    monkeypatch.setattr(os, "confstr", refuses)
    for loader in loaders:
        (tmp_path / "lib").mkdir(exist_ok=True)
        (tmp_path / "lib" / loader).touch()
    assert c_library(str(tmp_path)) == expected
    found = facts("/", str(tmp_path))
    assert (found["libc"], found["libc_version"]) == expected


def test_this_machine() -> None:
    found = facts("/")
    assert found["machine"] == os.uname().machine
    assert found["kernel"] == os.uname().release
    assert found["bits"] == 64
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["python_tag"] == f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert found["python_implementation"] == "cpython"
    assert found["libc"] == "glibc"
    assert set(found["cpus"]) == os.sched_getaffinity(0)
    assert found["disk_free_mb"] > 0
    assert Platform.of(found).machine == found["machine"]


A72, A76, A64FX = (0x8FB, 0), (0x119FFB, 0), (0x5D1FFB, 0)


def test_arm_cores_by_their_bits() -> None:
    # As QEMU's and the kernel's hwcap of these cores.
    assert set(isa("aarch64", 64, A72)) & {"fp16", "dot", "sve", "atomics"} == set()
    assert {"asimd", "fp16", "dot", "atomics"} <= set(isa("aarch64", 64, A76))
    assert "fp16" in isa("aarch64", 64, A64FX)
    assert "sve" in isa("aarch64", 64, A64FX)


@pytest.mark.parametrize(
    ("bits", "bits2", "name"),
    [
        (1 << 10, 0, "fp16"),
        (1 << 20, 0, "dot"),
        (1 << 22, 0, "sve"),
        (0, 1 << 1, "sve2"),
        (0, 1 << 13, "i8mm"),
        (0, 1 << 14, "bf16"),
        (0, 1 << 23, "sme"),
        (0, 1 << 37, "sme2"),
    ],
)
def test_each_bit_has_its_name(bits: int, bits2: int, name: str) -> None:
    assert hwcap.arm_names(bits, bits2) == [name]


def test_other_machines() -> None:
    assert isa("aarch64", 32, A76) == []  # 32-bit userland: the bits mean other things
    assert isa("riscv64", 64, A76) == []
    assert hwcap.x86_names("processor : 0\nflags\t\t: fpu avx2 f16c sse\n") == ["f16c", "avx2"]
    assert hwcap.x86_names("") == []


def test_arm_never_reads_cpuinfo(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("flags : avx2\nFeatures : fphp asimdhp\n")
    assert isa("aarch64", 64, A72, str(tmp_path)) == isa("aarch64", 64, A72, "/nowhere")


@pytest.mark.parametrize(
    ("line", "number"),
    [("1.5 x", 1.5), ("", None), ("x", None), ("nan", None), ("inf", None), ("-3", -3.0), ("  7\n", 7.0)],
)
def test_first_numbers(line: str, number: float | None) -> None:
    assert first_number(line) == number
