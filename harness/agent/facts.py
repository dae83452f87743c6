"""What a device says of itself: its fingerprint. Nothing that is read here is assumed to exist."""

import os
import struct
import sys
from typing import Any, Dict, List, Tuple

from harness.agent import hwcap
from harness.agent.health import disk_free_mb, meminfo
from harness.agent.sensors import first_number, frequency_mhz, governor, names, temperatures, text

Facts = Dict[str, Any]


def facts(workdir: str, root: str = "/") -> Facts:
    """Return the fingerprint; `root` replaces / for what is read below /proc and /sys.

    Sizes in MB, frequencies in MHz, temperatures in degrees Celsius.
    """
    system = os.uname()  # the platform module is slow to import, and on old Pythons starts a process
    memory = meminfo(text(root, "proc/meminfo"))
    return {
        **_instructions(system.machine, root),
        **_python(root),
        "kernel": system.release,
        "hostname": system.nodename,
        "cpus": sorted(os.sched_getaffinity(0)),
        "cpu_count": os.cpu_count(),
        "memory_total_mb": memory.get("MemTotal"),
        "memory_available_mb": memory.get("MemAvailable"),
        "disk_free_mb": disk_free_mb(workdir),
        "load1": first_number(text(root, "proc/loadavg")),
        "governor": governor(root),
        "frequency_mhz": frequency_mhz(root),
        "temperatures": temperatures(root),
        "workdir": workdir,
    }


def isa(machine: str, pointer_bits: int, raw: Tuple[int, int], root: str = "/") -> List[str]:
    """Return the instruction set extensions that matter here, by name."""
    if pointer_bits != 64:
        return []  # the same bits mean other things to a 32-bit process
    if machine == "aarch64":
        return hwcap.arm_names(*raw)
    return hwcap.x86_names(text(root, "proc/cpuinfo")) if machine == "x86_64" else []


def _instructions(machine: str, root: str) -> Facts:
    raw, bits = hwcap.raw(), 8 * struct.calcsize("P")
    return {
        "machine": machine,
        "bits": bits,
        "isa": isa(machine, bits, raw, root),
        "hwcap": "%x" % raw[0],
        "hwcap2": "%x" % raw[1],
    }


def _python(root: str) -> Facts:
    libc, libc_version = c_library(root)
    implementation = sys.implementation.name
    return {
        "libc": libc,
        "libc_version": libc_version,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "python_implementation": implementation,
        "python_tag": "cp%d%d" % sys.version_info[:2] if implementation == "cpython" else "",
    }


def c_library(root: str = "/") -> Tuple[str, str]:
    """Return name and version of the C library; empty where it does not tell."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):  # musl knows no such name, and bionic neither
        musl = any(entry.startswith("ld-musl-") for entry in names(os.path.join(root, "lib")))
        return "musl" if musl else "", ""
    return name, version
