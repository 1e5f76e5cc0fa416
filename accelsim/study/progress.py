"""Progress of a sweep on standard error: a bar with rate and time left on a terminal, a line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

LINE_EVERY_S = 10.0


class Progress:
    """Counts outcomes; shows them when `show`."""

    def __init__(self, show: bool) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._show = show
        self.total = self.done = self.failed = 0
        self._before = 0
        self._bar: object | None = None
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:
        if self._bar is not None:
            self._bar.stop()  # type: ignore[attr-defined]

    def start(self, total: int, done: int) -> None:
        """`total` points, of which `done` have an outcome from before."""
        self.total, self.done, self._before = total, done, done
        self._began = self._said = time.monotonic()
        if self._show and self._console.is_terminal:
            self._open_bar()

    def advance(self, outcomes: int, failures: int) -> None:
        """Some more outcomes, of which some are failures."""
        self.done += outcomes
        self.failed += failures
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, rate=self._rate(), failed=self.failed)  # type: ignore[attr-defined]
        elif self._show and time.monotonic() - self._said > LINE_EVERY_S:
            self._said = time.monotonic()
            rate = self._rate()
            left = f", {(self.total - self.done) / rate:.0f} s left" if rate else ""
            try:
                print(f"{self.done:,} of {self.total:,} points, {self.failed:,} failed, {rate:.1f} points/s{left}",
                      file=sys.stderr, flush=True)
            except (OSError, ValueError):  # a full disk behind `2> file` is no reason to stop
                self._show = False

    def _rate(self) -> float:
        return (self.done - self._before) / max(time.monotonic() - self._began, 1e-9)

    def _open_bar(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        bar = Bar(BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]:.1f} points/s"),
                  TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
                  TextColumn("{task.fields[failed]} failed"), console=self._console)
        self._task = bar.add_task("points", total=self.total, completed=self.done, rate=0.0, failed=0)
        bar.start()
        self._bar = bar
