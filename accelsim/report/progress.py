"""Progress on standard error: a bar on a terminal, a line now and then elsewhere; nothing for what is over soon.

ACCELSIM_PROGRESS=0 in the environment keeps it silent.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Step = Callable[[int, int, str], None]

BEGIN_S = 2.0  # shorter work says nothing
LINE_EVERY_S = 10.0


def wanted() -> bool:
    """Whether anybody is to be told."""
    return os.environ.get("ACCELSIM_PROGRESS", "1") != "0"


def line(text: str) -> None:
    """One line on standard error; where it cannot be written (a full disk, a closed stream) nothing happens."""
    if not wanted():
        return
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


@contextmanager
def progress(title: str) -> Iterator[Step]:
    """Yields `step(done, total, name)`, for any thread."""
    shown = Lines(title) if sys.stderr is None or not sys.stderr.isatty() else Bar(title)
    try:
        yield shown.step
    finally:
        shown.close()


class Lines:
    """"title: 12 of 54, conv3, about 8 s left", now and then."""

    def __init__(self, title: str) -> None:
        self.title, self._lock = title, threading.Lock()
        self._began = time.monotonic()
        self._next = self._began + BEGIN_S

    def step(self, done: int, total: int, name: str) -> None:
        """`done` of `total` pieces are ready, the one called `name` last."""
        with self._lock:
            now = time.monotonic()
            if now < self._next or done >= total:
                return
            self._next = now + LINE_EVERY_S
        left = (now - self._began) / done * (total - done)
        line(f"{self.title}: {done:,} of {total:,}, {name[:60]}, about {left:.0f} s left")

    def close(self) -> None:
        """Nothing is left on the screen that could be taken away."""


class Bar:
    """A bar with the time left, gone when the work is done."""

    def __init__(self, title: str) -> None:
        self.title, self._lock, self._began = title, threading.Lock(), time.monotonic()
        self._shown = False

    def step(self, done: int, total: int, name: str) -> None:
        """`done` of `total` pieces are ready, the one called `name` last."""
        with self._lock:
            if not self._shown:
                if time.monotonic() - self._began < BEGIN_S or not wanted():
                    return
                self._open()
            self._bar.update(self._task, completed=done, total=total, description=f"{self.title}: {name[:60]}")

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                             TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self.title, total=None)
        self._bar.start()
        self._shown = True

    def close(self) -> None:
        """Takes the bar away."""
        if self._shown:
            self._bar.stop()
