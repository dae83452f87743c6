"""What must hold between the devices of an inventory; looked at even where a device has mistakes of its own."""

from collections.abc import Iterator

from harness.config.device import DEFAULT_LEASE, DEFAULT_SITE, current_user
from harness.config.fields import NAME
from harness.config.problems import Where, nearest, shown
from harness.config.reader import Reader

Mapping = dict[str, object]


def check_together(reader: Reader, raws: list[tuple[int, Mapping]], sites: set[str]) -> None:
    """Note names and addresses that two devices share, and sites that are not listed."""
    reader.unique("name", [(("devices", index, "name"), raw.get("name")) for index, raw in raws])
    for index, raw in raws:
        site = raw.get("site", DEFAULT_SITE)
        if isinstance(site, str) and NAME.fullmatch(site) and site not in sites:
            where: Where = ("devices", index, "site")
            hint = nearest(site, sorted(sites))
            reader.note(
                where, f"the site {shown(site)}", "one of those under `sites:`", hint, str(raw.get("name", ""))
            )
    for index, raw, first in _same_address(raws):
        read = f"'{first}' and '{raw.get('name')}' have the same host, port, user and lease"
        reader.note(("devices", index, "host"), read, hint="one board is one device; give it one entry")


def _same_address(raws: list[tuple[int, Mapping]]) -> Iterator[tuple[int, Mapping, object]]:
    seen: dict[str, object] = {}
    for index, raw in raws:
        lease = raw.get("lease") or DEFAULT_LEASE
        address = (str(raw.get("host")).lower(), raw.get("port", 22), raw.get("user", current_user()), lease)
        if isinstance(raw.get("host"), str) and repr(address) in seen:
            yield index, raw, seen[repr(address)]
        seen.setdefault(repr(address), raw.get("name"))
