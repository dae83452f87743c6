"""The inventory: which devices there are and how they are reached."""

from pathlib import Path

from harness.config.device import DEFAULT_SITE, DEFAULT_THREADS, Deadlines, Device
from harness.config.fields import NAME
from harness.config.problems import Where, shown
from harness.config.reader import Reader
from harness.config.sections import unknown_key
from harness.config.together import check_together
from harness.config.yaml_lines import Document, load
from harness.errors import Code
from harness.value import Value

__all__ = ["Deadlines", "Device", "Inventory", "load_inventory", "read_inventory"]

_KEYS = ("defaults", "sites", "devices")
_NESTED = ("deadlines", "health", "labels")

Mapping = dict[str, object]


class Inventory(Value):
    """A fleet, as its file describes it; `sites` are those listed and those used, sorted."""

    path: Path
    sites: tuple[str, ...]
    devices: tuple[Device, ...]


def load_inventory(path: Path) -> Inventory:
    """Read an inventory file.

    Raises:
        InputError: bad-inventory, with every mistake of the file.
    """
    return read_inventory(load(path, Code.BAD_INVENTORY))


def read_inventory(document: Document) -> Inventory:
    """Return the inventory that a document describes.

    Raises:
        InputError: bad-inventory, with every mistake of the document.
    """
    reader = Reader(document, Code.BAD_INVENTORY)
    top = reader.mapping(document.data, ())
    for key in top.keys() - set(_KEYS):
        reader.note((key,), *unknown_key(key, _KEYS))
    defaults = _defaults(reader, top.get("defaults"))
    sites = _sites(reader, top.get("sites"))
    raws = _raw_devices(reader, top)
    merged = [(index, own, _merged(document, defaults, own, index)) for index, own in raws]
    devices = [_device(reader, index, own, raw) for index, own, raw in merged]
    check_together(reader, [(index, raw) for index, _, raw in merged], sites)
    reader.finish()
    found = tuple(device for device in devices if device is not None)
    return Inventory(path=document.file, sites=tuple(sorted(sites | {d.site for d in found})), devices=found)


def _defaults(reader: Reader, raw: object) -> Mapping:
    if raw is None:
        return {}
    defaults = reader.mapping(raw, ("defaults",))
    if "name" in defaults:
        reader.note(("defaults", "name"), "a name for all", hint="a name belongs to one device")
    # Checked as a device of its own, so that a mistake in it is told once, and even if no device takes it.
    stand_in: Mapping = {"host": "defaults", **defaults, "name": "defaults"}
    reader.section(Device, _with_label_texts(reader.document, stand_in, ("defaults",)), ("defaults",))
    return {key: value for key, value in defaults.items() if key != "name"}


def _sites(reader: Reader, raw: object) -> set[str]:
    sites = {DEFAULT_SITE}
    for name, content in reader.mapping(raw, ("sites",)).items() if raw is not None else ():
        if not NAME.fullmatch(name):
            reader.note(("sites", name), f"the name {shown(name)}", "a name of a-z 0-9 . _ -")
        if content not in (None, {}):
            reader.note(("sites", name), f"read {shown(content)}", "{} (a site has no keys yet)")
        sites.add(name)
    return sites


def _raw_devices(reader: Reader, top: Mapping) -> list[tuple[int, Mapping]]:
    found = []
    for where, raw in reader.items(top.get("devices"), ("devices",), "a list of at least one device"):
        own = reader.mapping(raw, where)
        if isinstance(raw, dict):
            found.append((int(where[1]), own))
    return found


def _merged(document: Document, defaults: Mapping, own: Mapping, index: int) -> Mapping:
    """Return a device's keys with the defaults below them; deadlines and labels are merged key by key."""
    base = _with_label_texts(document, defaults, ("defaults",))
    raw = {**base, **_with_label_texts(document, own, ("devices", index))}
    for key in _NESTED:
        low, high = base.get(key), raw.get(key)
        if isinstance(low, dict) and isinstance(high, dict):
            raw[key] = {**low, **high}
    cpus = raw.get("cpus")
    if "threads" not in raw and isinstance(cpus, list) and cpus:
        raw["threads"] = min(DEFAULT_THREADS, len(cpus))
    return raw


def _with_label_texts(document: Document, raw: Mapping, where: Where) -> Mapping:
    """Return the keys with labels as they are written: the label 1.10 is not 1.1."""
    labels = raw.get("labels")
    if not isinstance(labels, dict):
        return dict(raw)
    return {**raw, "labels": {key: _label(document, value, (*where, "labels", key)) for key, value in labels.items()}}


def _label(document: Document, value: object, where: Where) -> object:
    return document.texts[where] if isinstance(value, int | float) else value


def _device(reader: Reader, index: int, own: Mapping, raw: Mapping) -> Device | None:
    def origin(rest: Where) -> Where | None:
        # What comes from the defaults has been told at the defaults.
        return None if rest and rest[0] in raw and not _has(own, rest) else ("devices", index, *rest)

    name = raw.get("name")
    return reader.section(Device, raw, ("devices", index), owner=name if isinstance(name, str) else "", origin=origin)


def _has(raw: object, rest: Where) -> bool:
    for part in rest:
        if not isinstance(raw, dict) or part not in raw:
            return not isinstance(raw, dict)
        raw = raw[str(part)]
    return True
