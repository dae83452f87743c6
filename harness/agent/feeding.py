"""Runs in which every operator is fed: its inputs are overwritten by those that were kept of another run."""

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from harness.agent.deviation import Deviation
from harness.agent.kept import Change, Kept, overwrite, same
from harness.agent.scratch import digest
from harness.agent.session import Key, Session
from harness.agent.values import host


class Answer(NamedTuple):
    """What an operator made of what it was fed.

    Attributes:
        digests: of its outputs.
        deviation: of its outputs from those kept; None where none like them are.
        change: relative L2 of what the inputs kept were changed by; None where not all inputs could be fed.
    """

    digests: List[bytes]
    deviation: Optional[Deviation]
    change: Optional[float]


def fed(session: Session, kept: Kept, change: Change = same) -> Dict[Key, Answer]:
    """Run a session whose operators get the inputs kept, changed."""
    answers: Dict[Key, Answer] = {}
    changes: Dict[Key, Optional[float]] = {}

    def enter(key: Key, tensors: List[Any], _: Any) -> None:
        changes[key] = kept.give(key, tensors, change)

    def leave(key: Key, tensors: List[Any], _: Any) -> None:
        arrays = [host(tensor) for tensor in tensors]
        answers[key] = Answer([digest(array) for array in arrays], kept.deviation(key, arrays), changes[key])

    session.watch(enter, leave)
    return answers


def spoiled(session: Session, kept: Kept, spoil: float) -> Dict[Key, List[bytes]]:
    """Run a session whose operators get the inputs kept, and whose outputs are overwritten once they were seen.

    Returns:
        What `digest` makes of each operator's outputs: that of the inputs kept and of nothing else, if it is the
        same whatever the outputs are overwritten with.
    """
    found: Dict[Key, List[bytes]] = {}

    def enter(key: Key, tensors: List[Any], _: Any) -> None:
        kept.give(key, tensors)

    def leave(key: Key, tensors: List[Any], _: Any) -> None:
        arrays = [host(tensor) for tensor in tensors]
        found[key] = [digest(array) for array in arrays]
        for tensor, array in zip(tensors, arrays):
            # Not an integer: one that is an index would lead anywhere.
            overwrite(tensor, np.full(array.shape, spoil if array.dtype == np.float32 else 0, array.dtype))

    session.watch(enter, leave)
    return found
