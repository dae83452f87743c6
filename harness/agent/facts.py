"""What a device says of itself: its fingerprint. Nothing that is read here is assumed to exist."""

import os
import platform
import struct
import sys
from typing import Any, Dict, List, Optional

from harness.agent import hwcap

Facts = Dict[str, Any]

_MAX_READ = 1 << 16
_MAX_ZONES = 32


def facts(workdir: str, root: str = "/") -> Facts:
    """Return the fingerprint; `root` replaces / for what is read below /proc and /sys."""
    machine = platform.machine()
    bits, bits2 = hwcap.raw()
    libc, libc_version = _libc()
    memory = _memory(_text(root, "proc/meminfo"))
    return {
        "machine": machine,
        "bits": 8 * struct.calcsize("P"),
        "isa": _isa(machine, bits, bits2, root),
        "hwcap": "%x" % bits,
        "hwcap2": "%x" % bits2,
        "kernel": platform.release(),
        "hostname": platform.node(),
        "libc": libc,
        "libc_version": libc_version,
        "python": platform.python_version(),
        "python_tag": "cp%d%d" % sys.version_info[:2] if platform.python_implementation() == "CPython" else "",
        "cpus": sorted(os.sched_getaffinity(0)),
        "memory_total_mb": memory.get("MemTotal"),
        "memory_available_mb": memory.get("MemAvailable"),
        "disk_free_mb": _disk_free_mb(workdir),
        "load1": _first_number(_text(root, "proc/loadavg")),
        "governor": _text(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        "frequency_mhz": _frequency_mhz(root),
        "temperatures": temperatures(root),
        "workdir": workdir,
    }


def temperatures(root: str = "/") -> Dict[str, float]:
    """Return the temperature of every readable thermal zone, degrees Celsius, by the zone's type."""
    found: Dict[str, float] = {}
    base = os.path.join(root, "sys/class/thermal")
    for zone in _names(base)[:_MAX_ZONES]:
        millidegrees = _first_number(_text(base, zone + "/temp"))
        if zone.startswith("thermal_zone") and millidegrees is not None:
            name = _text(base, zone + "/type") or zone
            found[name if name not in found else zone] = round(millidegrees / 1000, 1)
    return found


def _isa(machine: str, bits: int, bits2: int, root: str) -> List[str]:
    if machine == "aarch64":
        return hwcap.arm_names(bits, bits2)
    return hwcap.x86_names(_text(root, "proc/cpuinfo")) if machine == "x86_64" else []


def _libc() -> "tuple[str, str]":
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        return "", ""  # musl knows no such name
    return name, version


def _memory(text: str) -> Dict[str, int]:
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        kilobytes = _first_number(rest)
        if kilobytes is not None:
            found[name] = int(kilobytes) // 1024
    return found


def _frequency_mhz(root: str) -> Dict[str, float]:
    found = {}
    for key, name in (("min", "cpuinfo_min_freq"), ("current", "scaling_cur_freq"), ("max", "cpuinfo_max_freq")):
        kilohertz = _first_number(_text(root, "sys/devices/system/cpu/cpu0/cpufreq/" + name))
        if kilohertz is not None:
            found[key] = kilohertz / 1000
    return found


def _disk_free_mb(folder: str) -> Optional[int]:
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize >> 20


def _first_number(text: str) -> Optional[float]:
    try:
        return float(text.split(maxsplit=1)[0])
    except (IndexError, ValueError):
        return None


def _names(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _text(root: str, name: str) -> str:
    try:
        with open(os.path.join(root, name), "rb") as file:
            return file.read(_MAX_READ).decode("utf-8", "replace").strip()
    except OSError:
        return ""
