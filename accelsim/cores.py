"""Independent pieces of a run on several cores. Kernels release the interpreter's lock, so threads are enough."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from accelsim.errors import ConfigError, shown

MAX_THREADS = 1 << 10

Item = TypeVar("Item")
Found = TypeVar("Found")


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_threads(threads: int | None) -> int:
    """`threads` if it is a sensible number of them, all cores when None; else ConfigError."""
    if threads is None:
        return available_cores()
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MAX_THREADS:
        raise ConfigError(f"threads is {shown(threads)}, wanted a whole number from 1 to {MAX_THREADS}, or nothing for "
                          "all cores")
    return threads


def in_threads(work: Callable[[Item], Found], items: Sequence[Item], threads: int,
               size: Callable[[Item], float]) -> list[Found]:
    """`work` of every item, in the order of the items; the largest begin first, so that cores end together.

    What the first item in order raises is raised; the others' errors are lost, as they are with one thread.
    """
    if min(threads, len(items)) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items)), "accelsim") as pool:
        begun = {at: pool.submit(work, items[at])
                 for at in sorted(range(len(items)), key=lambda at: size(items[at]), reverse=True)}
        try:
            return [begun[at].result() for at in range(len(items))]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # after an error nothing more begins
