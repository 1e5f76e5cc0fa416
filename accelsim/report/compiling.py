"""Says on standard error when kernels are compiled, which happens once for each installation and takes seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from accelsim.report.progress import line

BEGIN_S = 1.0


@contextmanager
def compiling_said(what: str) -> Iterator[None]:
    """While inside, compiling the kernels of `what` is said when it takes over a second, and how long it took."""
    event: Any = import_module("numba.core.event")
    watch = CompileWatch(what)
    listener = _listener(event, watch)
    event.register("numba:compile", listener)
    try:
        yield
    finally:
        event.unregister("numba:compile", listener)
        watch.close()


class CompileWatch:
    """Adds up the time in which a kernel is being compiled, in any thread."""

    def __init__(self, what: str) -> None:
        self._what, self._lock = what, threading.Lock()
        self._at_work = 0
        self._since = self._spent_s = 0.0
        self._said = False
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """A function is being compiled from now on."""
        with self._lock:
            self._at_work += 1
            if self._at_work == 1:
                self._since = time.monotonic()
                if not self._said:
                    self._timer = threading.Timer(max(0.0, BEGIN_S - self._spent_s), self._say)
                    self._timer.daemon = True
                    self._timer.start()

    def end(self) -> None:
        """That function is done."""
        with self._lock:
            self._at_work -= 1
            if self._at_work == 0:
                self._spent_s += time.monotonic() - self._since
                if self._timer is not None:
                    self._timer.cancel()

    def _say(self) -> None:
        with self._lock:
            if self._said or not self._at_work:
                return
            self._said = True
        line(f"compiling the kernels of {self._what} for the first run, for {BEGIN_S:.0f} s so far "
             "(accelsim warm does it ahead)")

    def close(self) -> None:
        """Says how long it took, if that it began was said."""
        if self._said:
            line(f"compiled in {self._spent_s:.0f} s; later runs find the kernels ready")


def _listener(event: Any, watch: CompileWatch) -> Any:
    class Forward(event.Listener):  # type: ignore[misc]
        def on_start(self, said: Any) -> None:
            watch.start()

        def on_end(self, said: Any) -> None:
            watch.end()

    return Forward()
