"""What running a model may take. A file can ask for an endless loop or all of the memory; a limit ends it."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from accelsim.errors import RecordError

GIB = 1 << 30
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Limits:
    """seconds: CPU time of one run of the model on one sample. gib: memory of the values that one run makes, beside
    the model's own weights. constant_mib: of one constant that the model computes from nothing.
    """

    seconds: float = 15.0
    gib: float = 1.0
    constant_mib: float = 512.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise RecordError(f"limits: {name} is {str(value)[:60]}, wanted a number above 0")

    @property
    def bytes(self) -> int:
        """`gib` in bytes."""
        return int(self.gib * GIB)

    @property
    def constant_bytes(self) -> int:
        """`constant_mib` in bytes."""
        return int(self.constant_mib * (1 << 20))

    @property
    def time_text(self) -> str:
        """What a run that took too long is told."""
        return (f"took more than {self.seconds:g} s of CPU time for one sample and was stopped; give it more "
                "(--max-seconds, Limits(seconds=...)) if it is not endless")

    @property
    def memory_way_out(self) -> str:
        """What helps where memory is short."""
        return f"give more than {self.gib:g} GiB (--max-gib, Limits(gib=...)) or smaller inputs"


@contextmanager
def stopwatch(limits: Limits, stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Call `stop` from another thread once this process has used `limits.seconds` of CPU time.

    What is yielded tells afterwards whether that happened.
    """
    over, done = threading.Event(), threading.Event()
    until = time.process_time() + limits.seconds

    def watch() -> None:
        while not done.wait(_POLL_SECONDS):
            if time.process_time() > until:
                over.set()
                stop()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield over.is_set
    finally:
        done.set()
        thread.join()
