"""Errors of blocks that a device reports, checked: it may lie, and what cannot be is not used."""

from pydantic import ValidationError

from harness.block_errors import BlockErrors
from harness.errors import Code, DeviceError


def block_errors(payload: bytes, *, count: int) -> BlockErrors:
    """Return what a device measured of `count` blocks.

    Raises:
        DeviceError: (protocol) it is nothing of the kind, or of another number of blocks.
    """
    try:
        found = BlockErrors.model_validate_json(payload, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:200]
        raise _nonsense(f"{where}: {first['msg'][:200]}") from error
    if len(found.blocks) != count:
        raise _nonsense(f"{len(found.blocks)} blocks instead of {count}")
    return found


def _nonsense(what: str) -> DeviceError:
    return DeviceError(Code.PROTOCOL, f"The agent's errors of blocks make no sense: {what}.")
