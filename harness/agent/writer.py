"""Writing to the coordinator without ever waiting for it: a frozen network must not stop the agent's clock."""

import os
import queue
import threading


class Writer:
    """Writes what it is given to a descriptor, in order, in a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: "queue.Queue[bytes]" = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        self._queue.put(data)

    def finish(self, wait_s: float) -> None:
        """Write what is queued, for at most `wait_s` seconds."""
        self._queue.put(b"")
        self._thread.join(wait_s)

    def _run(self) -> None:
        while True:
            data = memoryview(self._queue.get())
            if not data:
                return
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                return  # nobody reads any more; the main loop sees the end of its input
