"""What /sys and /proc say about clocks and heat, where they say anything."""

import math
import os
from typing import Dict, List, Optional

_MAX_READ = 1 << 16
_MAX_ZONES = 32
_LONGEST = 60
_MAX_CPUS = 256
_PLAUSIBLE = (-60.0, 200.0)
"""Degrees Celsius; zones without a sensor read -274 and the like."""


def temperatures(root: str = "/") -> Dict[str, float]:
    """Return the temperature of every readable thermal zone, degrees Celsius, by the zone's type."""
    found: Dict[str, float] = {}
    base = os.path.join(root, "sys/class/thermal")
    for zone in [name for name in names(base) if name.startswith("thermal_zone")][:_MAX_ZONES]:
        millidegrees = first_number(text(base, zone + "/temp"))
        if millidegrees is not None and _PLAUSIBLE[0] < millidegrees / 1000 < _PLAUSIBLE[1]:
            name = text(base, zone + "/type")[:_LONGEST] or zone
            found[name if name not in found else zone] = round(millidegrees / 1000, 1)
    return found


def governor(root: str = "/") -> Optional[str]:
    """Return the CPUs' frequency governor; all of them, with commas, where they differ."""
    found = {text(folder, "scaling_governor") for folder in _policies(root)} - {""}
    return ",".join(sorted(found)) or None


def frequency_mhz(root: str = "/") -> Dict[str, float]:
    """Return the lowest `min`, and the highest `current` and `max` frequency of all CPUs, MHz."""
    found = {}
    for key, name, pick in (
        ("min", "cpuinfo_min_freq", min),
        ("current", "scaling_cur_freq", max),
        ("max", "cpuinfo_max_freq", max),
    ):
        read = [first_number(text(folder, name)) for folder in _policies(root)]
        kilohertz = [value for value in read if value is not None]
        if kilohertz:
            found[key] = pick(kilohertz) / 1000
    return found


def first_number(line: str) -> Optional[float]:
    """Return the finite number with which a text begins; None where it begins with something else."""
    try:
        number = float(line.split(maxsplit=1)[0])
    except (IndexError, ValueError):
        return None
    return number if math.isfinite(number) else None


def text(root: str, name: str) -> str:
    """Return a small file's text, stripped; empty where it cannot be read."""
    try:
        with open(os.path.join(root, name), "rb") as file:
            return file.read(_MAX_READ).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def names(folder: str) -> List[str]:
    """Return what is in a folder, sorted; nothing where it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _policies(root: str) -> List[str]:
    base = os.path.join(root, "sys/devices/system/cpu")
    cpus = [name for name in names(base) if name.startswith("cpu") and name[3:].isdigit()]
    return [os.path.join(base, name, "cpufreq") for name in cpus[:_MAX_CPUS]]
