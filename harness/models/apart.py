"""Work on files of unknown origin, in a process of its own: a model that crashes its reader must not end a run.

The process is forked from a server (multiprocessing's forkserver) that has the libraries loaded already, and it is
bound in memory, in the size of files and in time.
"""

import contextlib
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ParamSpec, TypeVar

from harness.errors import Code, FarmError
from harness.models.limits import bind
from harness.models.worker_process import ending, tail

P = ParamSpec("P")
T = TypeVar("T")

DEADLINE_S = 1800.0
_PRELOADED = ["numpy", "onnx", "onnxruntime"]


def apart(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns; it, its arguments and its result must be such as pickle takes.

    Raises:
        FarmError: what `work` raises of that kind; reference-failed where the process crashed, ran out of memory
            or time, or raised anything else.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="farm-apart-") as folder:
        log = Path(folder, "log")
        log.touch()
        process = context.Process(target=_child, args=(theirs, str(log), work, args, kwargs), daemon=True)
        process.start()
        theirs.close()
        outcome = None
        try:
            late = not ours.poll(DEADLINE_S)
            with contextlib.suppress(EOFError):
                outcome = None if late else ours.recv()
        finally:
            ours.close()
            if outcome is not None or late:
                process.kill()
            process.join()
        if outcome is None:
            how = f"did not end within {DEADLINE_S:g} s" if late else ending(process.exitcode or 0)
            said = tail(log.read_bytes())
            raise FarmError(Code.REFERENCE_FAILED, f"The process that reads the model {how}. {said}".strip())
    if isinstance(outcome, FarmError):
        raise outcome
    result: T = outcome[0]
    return result


def _child(
    theirs: Connection, log: str, work: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    bind()
    try:
        outcome: object = (work(*args, **kwargs),)
    except FarmError as error:
        outcome = error
    except MemoryError:
        outcome = FarmError(Code.REFERENCE_FAILED, "The model needs more memory than this machine has.")
    except Exception as error:  # noqa: BLE001 - libraries raise what they like on a file that is none
        outcome = FarmError(Code.REFERENCE_FAILED, f"{type(error).__name__}: {error}"[:600])
    theirs.send(outcome)
    theirs.close()
