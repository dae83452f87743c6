"""The cores that an inventory names, and those that a device has."""

from collections.abc import Mapping

from harness.config.inventory import Device
from harness.errors import Code, DeviceError

_MOST = 4096


def there(facts: Mapping[str, object]) -> tuple[int, ...]:
    """Return the numbers of the cores that a device told of; empty where it told of none."""
    told = facts.get("cpus")
    return tuple(core for core in told[:_MOST] if type(core) is int) if isinstance(told, list) else ()


def advice(facts: Mapping[str, object]) -> str:
    """Say which cores can be named; '' where the device does not tell."""
    cores = there(facts)
    return f"Name some of the cores {', '.join(map(str, cores))[:200]} in `cpus:`, or leave it out." if cores else ""


def refuse_absent(device: Device, facts: Mapping[str, object]) -> None:
    """Refuse an inventory that names cores which the device does not have just now.

    Raises:
        DeviceError: cores-absent.
    """
    cores = there(facts)
    absent = [core for core in device.cpus or () if core not in cores] if cores else []
    if absent:
        words = ", ".join(map(str, absent))
        raise DeviceError(Code.CORES_ABSENT, f"`cpus:` names cores that are not there: {words}.", advice(facts))
