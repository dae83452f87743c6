"""The one boundary where exceptions become results.

Whatever goes wrong with one device must not end the run for the others, and must not vanish either: a
failure that is foreseen brings its own problem, any other is a defect of the farm and says where it is.
"""

from collections.abc import Callable
from typing import TypeVar

from harness.errors import FarmError, Problem, internal

T = TypeVar("T")


def attempt(action: Callable[[], T]) -> T | Problem:
    """Run `action`; return its result, or the problem it ended in."""
    try:
        return action()
    except FarmError as error:
        return error.problem
    except Exception as error:  # noqa: BLE001 - this is the boundary
        return internal(error)
