"""Progress of a run, for people: a live table in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from harness.console.words import device_words, progress_words, settled_words
from harness.dispatch.events import CellFinished, CellStarted, DeviceReady, Progress
from harness.dispatch.ledger import Listener
from harness.dispatch.snapshot import Snapshot
from harness.report.text import plain

LINE_EVERY_S = 10.0
"""A plain log says at most this often how far a device is within one cell."""

Event = CellFinished | CellStarted | DeviceReady | Progress


class _Greeting(Listener):
    """Knows which devices have introduced themselves already."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def _news(self, event: DeviceReady) -> bool:
        # A device describes itself again when it is done, for the journal; that is no news.
        known = event.device.name in self._met
        self._met.add(event.device.name)
        return event.device.failure is not None or not known


class PlainListener(_Greeting):
    """Prints a line for everything that is settled, and now and then one for what is under way."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._console = console
        self._clock = clock
        self._began = clock()
        self._told: dict[str, float] = {}
        self._done = self._total = 0

    def stage(self, text: str) -> None:
        """Print what is being prepared."""
        self._line("farm", text)

    def planned(self, snapshot: Snapshot, left: int) -> None:
        """Print how much there is to measure; a command may run several times, and counts each by itself."""
        self._done, self._total = 0, left
        self._line("farm", f"run {snapshot.run}: {left} cells to measure on {len(snapshot.devices)} devices")

    def happened(self, event: Event) -> None:
        """Print what happened, if it is worth a line."""
        if isinstance(event, CellFinished):
            self._done += 1
            self._line(event.evidence.key.device, settled_words(event, self._done, self._total))
        elif isinstance(event, DeviceReady) and self._news(event):
            self._line(event.device.name, device_words(event))
        elif isinstance(event, Progress):
            self._now_and_then(event)

    def _now_and_then(self, event: Progress) -> None:
        now = self._clock()
        if now - self._told.get(event.device, -LINE_EVERY_S) >= LINE_EVERY_S:
            self._told[event.device] = now
            self._line(event.device, progress_words(event))

    def _line(self, who: str, text: str) -> None:
        elapsed = self._clock() - self._began
        self._console.print(
            f"{elapsed:6.1f} s  {plain(who):<14} {plain(text)}", markup=False, highlight=False, soft_wrap=True
        )


class LiveListener(_Greeting):
    """One line a device that says what it is at, above it the cells as they are settled."""

    def __init__(self, bars: Bars) -> None:
        super().__init__()
        self._bars = bars
        self._all: TaskID | None = None
        self._lines: dict[str, TaskID] = {}
        self._done = self._total = 0

    def stage(self, text: str) -> None:
        """Show what is being prepared."""
        self._bars.console.print(f"[dim]{escape(plain(text))}[/]", highlight=False)

    def planned(self, snapshot: Snapshot, left: int) -> None:
        """Show a line for every device, and one for the whole; those of the run before go."""
        self._done, self._total = 0, left
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        for device in snapshot.devices:
            self._lines[device.name] = self._bars.add_task("waiting", total=None, who=escape(plain(device.name)))
        self._all = self._bars.add_task("cells", total=left, who="all")

    def happened(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, CellFinished):
            self._settled(event)
        elif isinstance(event, DeviceReady) and self._news(event):
            self._print(event.device.name, device_words(event))
        elif isinstance(event, Progress) and event.device in self._lines:
            total = event.total or None
            self._bars.update(
                self._lines[event.device], description=progress_words(event), completed=event.done, total=total
            )

    def _settled(self, event: CellFinished) -> None:
        self._done += 1
        self._print(event.evidence.key.device, settled_words(event, self._done, self._total))
        if self._all is not None:
            self._bars.update(self._all, completed=self._done)

    def _print(self, who: str, text: str) -> None:
        self._bars.console.print(f"[bold]{escape(plain(who))}[/] {escape(text)}", highlight=False, soft_wrap=True)


@contextmanager
def listening(console: Console) -> Iterator[Listener]:
    """Give the listener that suits `console`: live in a terminal, plain otherwise."""
    if not console.is_terminal:
        yield PlainListener(console)
        return
    columns = (TextColumn("[bold]{task.fields[who]}"), BarColumn(20), TextColumn("{task.description}", markup=False))
    with Bars(*columns, MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True) as bars:
        yield LiveListener(bars)
