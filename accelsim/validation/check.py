"""Running the claims: every group once, in this process or in several."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from accelsim.errors import ClusterError, ConfigError
from accelsim.validation.catalogue import chapters
from accelsim.validation.claim import Claim, Group

Step = Callable[[int, int, str], None]
HOLDS, MISSES, NOT_CHECKED = "holds", "misses", "not checked: data absent"


@dataclass(frozen=True)
class Outcome:
    """What became of a claim. ours is None where the data it needs are absent."""

    chapter: str
    group: Group
    claim: Claim
    ours: float | None

    @property
    def id(self) -> str:
        """Unique over all chapters."""
        return f"{self.chapter}.{self.claim.id}"

    @property
    def verdict(self) -> str:
        if self.ours is None:
            return NOT_CHECKED
        return HOLDS if self.claim.target.holds(self.ours) else MISSES

    @property
    def surprise(self) -> bool:
        """The verdict is not the one that the claim has on record."""
        return self.ours is not None and (self.verdict == MISSES) != bool(self.claim.miss)


def check(names: Sequence[str], golden: Path | None = None, processes: int = 1, step: Step | None = None,
          quick: bool = False) -> list[Outcome]:
    """The outcomes of the chapters `names`, in the order of their claims.

    golden: the folder of third-party data. step: called with done, total and a title after each group. quick: only the
    groups that take seconds. Raises ConfigError when golden is no folder, ClusterError when a process dies.
    """
    if golden is not None and not golden.is_dir():
        raise ConfigError(f"--golden {golden}: not a folder; give the folder that holds the third-party data")
    jobs = [(name, index) for name in names for index, group in enumerate(chapters()[name].groups)
            if group.quick or not quick]
    found: dict[tuple[str, int], list[float | None]] = {}

    def done(job: tuple[str, int], values: list[float | None]) -> None:
        found[job] = values
        if step is not None:
            step(len(found), len(jobs), f"{chapters()[job[0]].title}: {chapters()[job[0]].groups[job[1]].title}")

    if processes == 1 or len(jobs) < 2:
        for job in jobs:
            done(job, values_of(*job, golden))
    else:
        _in_processes(jobs, golden, min(processes, len(jobs)), done)
    return [Outcome(name, group, claim, value) for name, index in jobs for group in [chapters()[name].groups[index]]
            for claim, value in zip(group.claims, found[name, index], strict=True)]


def values_of(name: str, index: int, golden: Path | None) -> list[float | None]:
    """Our figures of one group, None for each when the data it needs are absent."""
    group = chapters()[name].groups[index]
    if not group.needs:
        return [claim.ours() for claim in group.claims]
    file = None if golden is None else golden / group.needs
    if file is None or not file.is_file():
        return [None] * len(group.claims)
    return [claim.ours(file) for claim in group.claims]


def _in_processes(jobs: Sequence[tuple[str, int]], golden: Path | None, processes: int,
                  done: Callable[[tuple[str, int], list[float | None]], None]) -> None:
    """Long groups first, so that no process is left with one at the end."""
    order = sorted(jobs, key=lambda job: -chapters()[job[0]].groups[job[1]].seconds)
    pool = ProcessPoolExecutor(processes, get_context("spawn"))
    try:
        futures = {pool.submit(values_of, *job, golden): job for job in order}
        for future in as_completed(futures):
            done(futures[future], future.result())
    except BrokenProcessPool:
        raise ClusterError("a process of the check died (out of memory?); use --processes 1") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
