"""How the device is right now: heat, clocks, throttling, load, memory, battery. Nothing here is assumed to exist.

What is not there, or may not be read (phones hide much of it), is None or left out; nothing is ever written.
"""

import os
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from harness.agent.governor import current
from harness.agent.sensors import first_number, governor, names, text
from harness.agent.sensors import temperatures as zones

Health = Dict[str, Any]

_SUPPLIES = "sys/class/power_supply"
_COOLERS = "sys/class/thermal"
_POLICIES = "sys/devices/system/cpu/cpufreq"
_PLATFORM = "sys/devices/platform"
_PI_NOW = ((0x1, "under-voltage"), (0x2, "clock capped"), (0x4, "throttled"), (0x8, "soft temperature limit"))
"""Bits of the Raspberry Pi firmware's throttling state that tell of now; those above 16 tell of ever."""

_PROCESSOR_COOLERS = ("cpu", "processor")
_MOST = 64
_LONGEST = 100


def health(
    workdir: str, root: str = "/", *, busy_over_s: float = 0.0, sleep: Callable[[float], None] = time.sleep
) -> Health:
    """Return the state of the device; `root` replaces / for what is read below /proc and /sys.

    Temperatures in degrees Celsius, clocks in MHz by frequency policy, memory and disk in MB, battery in percent.
    `busy` is the share of all cores' time that was used over `busy_over_s` seconds; None where that is 0.
    """
    return {
        "temperatures": zones(root),
        "clocks_mhz": clocks(root, "scaling_cur_freq"),
        "limits_mhz": clocks(root, "scaling_max_freq"),
        "governor": governors(root),
        "throttled": throttled(root),
        "load1": first_number(text(root, "proc/loadavg")),
        "busy": busy(root, busy_over_s, sleep) if busy_over_s > 0 else None,
        "memory_available_mb": meminfo(text(root, "proc/meminfo")).get("MemAvailable"),
        "disk_free_mb": disk_free_mb(workdir),
        **battery(root),
    }


def clocks(root: str, name: str) -> Dict[str, float]:
    """Return a frequency of every policy (a cluster of cores that share one clock), MHz."""
    found = {}
    base = os.path.join(root, _POLICIES)
    for policy in [entry for entry in names(base) if entry.startswith("policy")][:_MOST]:
        kilohertz = first_number(text(base, "%s/%s" % (policy, name)))
        if kilohertz is not None and kilohertz > 0:
            found[policy] = kilohertz / 1000
    return found


def governors(root: str) -> Optional[str]:
    """Return the frequency governor as it is now, whoever set it; those of all policies, where they differ."""
    found = sorted(set(current(root).values()))
    return ",".join(found)[:_LONGEST] if found else governor(root)


def throttled(root: str) -> List[str]:
    """Say what slows the processor down at this moment; empty where nothing does, or nothing tells."""
    bits = _pi_bits(root)
    found = [words for bit, words in _PI_NOW if bits & bit]
    base = os.path.join(root, _COOLERS)
    for name in [entry for entry in names(base) if entry.startswith("cooling_device")][:_MOST]:
        kind = text(base, name + "/type")
        state_of_it = first_number(text(base, name + "/cur_state"))
        # A fan that turns cools; a processor that is a cooling device is one that is slowed down.
        if state_of_it and any(word in kind.lower() for word in _PROCESSOR_COOLERS):
            found.append("%s at %d" % (kind[:60], state_of_it))
    return found


def busy(root: str, over_s: float, sleep: Callable[[float], None]) -> Optional[float]:
    """Return the share (0..1) of all cores' time that is used, over some seconds; None where nothing tells."""
    before = _ticks(root)
    sleep(over_s)
    after = _ticks(root)
    if before is None or after is None or after[1] <= before[1]:
        return None
    return min(1.0, max(0.0, (after[0] - before[0]) / (after[1] - before[1])))


def battery(root: str) -> Dict[str, Any]:
    """Return charge in percent, whether it is charging and its temperature, of the first battery there is."""
    base = os.path.join(root, _SUPPLIES)
    for name in names(base)[:_MOST]:
        folder = os.path.join(base, name)
        if text(folder, "type") != "Battery" or text(folder, "scope") == "Device":
            continue  # a mouse or a pen has a battery too, of scope Device
        percent = first_number(text(folder, "capacity"))
        status = text(folder, "status")
        tenths = first_number(text(folder, "temp"))
        return {
            "battery_percent": percent if percent is not None and 0 <= percent <= 100 else None,
            "charging": status in ("Charging", "Full") if status else None,
            "battery_temperature": None if tenths is None else tenths / 10,
        }
    return {"battery_percent": None, "charging": None, "battery_temperature": None}


def disk_free_mb(folder: str) -> Optional[int]:
    """Return what an ordinary user may still write where `folder` is, MB."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize >> 20


def meminfo(lines: str) -> Dict[str, int]:
    """Return the sizes in /proc/meminfo, MB."""
    found = {}
    for line in lines.splitlines():
        name, _, rest = line.partition(":")
        kilobytes = first_number(rest)
        if kilobytes is not None:
            found[name] = int(kilobytes) // 1024
    return found


def _pi_bits(root: str) -> int:
    """Return the Raspberry Pi firmware's throttling state; its folder's name differs with the chip."""
    base = os.path.join(root, _PLATFORM)
    for soc in [name for name in names(base) if name.startswith("soc")]:
        state = text(base, "%s/%s:firmware/get_throttled" % (soc, soc))
        try:
            return int(state, 16)
        except ValueError:
            pass
    return 0


def _ticks(root: str) -> Optional[Tuple[float, float]]:
    """Return (used, all) ticks of all cores since boot: the first line of /proc/stat, see proc(5)."""
    words = text(root, "proc/stat").partition("\n")[0].split()
    try:
        numbers = [float(word) for word in words[1:9]]
    except ValueError:
        return None
    if words[:1] != ["cpu"] or len(numbers) < 5:
        return None
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)
