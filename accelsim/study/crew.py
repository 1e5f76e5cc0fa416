"""Hands points to the workers of a Dask cluster, one chunk at a time each, and sees every point to an outcome.

Dask starts, watches and restarts the workers and carries the chunks. Which worker gets which chunk is decided here, for
two things that Dask cannot know: points that share derived data belong on one worker, and when a worker dies, exactly
one chunk is to blame.
"""

import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accelsim.arch.registry import policies
from accelsim.errors import ClusterError
from accelsim.hw.energy import EnergyTable
from accelsim.study import worker as worker_side
from accelsim.study.backlog import Backlog
from accelsim.study.space import Point
from accelsim.study.traces import StudyTrace

if TYPE_CHECKING:
    from distributed import Client, Future

POLL_S = 0.2  # how often the list of workers is read
PATIENCE_S = 60.0  # without any worker
MAX_KILLS = 3  # workers that a point may cost
MAX_SENDS = 3  # of a trace to a worker
COMPILED_POINTS = 8  # per trace and kind: spread over the points, to meet every type that the kernels are compiled for

Record = Callable[[Mapping[str, Mapping[str, Any]], Mapping[str, str]], None]


@dataclass
class Job:
    """What a worker is doing: running `points`, or compiling for `samples`, by (trace digest, kind)."""

    future: "Future"
    points: list[Point]
    samples: Sequence[tuple[str, str]] = ()


class Crew:
    """The workers of one sweep. `run` may be called again and again; what workers hold stays with them."""

    def __init__(self, client: "Client", traces: Sequence[StudyTrace], tables: Mapping[str, EnergyTable]) -> None:
        self._client = client
        self._traces = {trace.digest: trace for trace in traces}
        self._tables = tables  # by digest; grows while points are made
        self._jobs: dict[str, Job] = {}  # by worker address
        self._workers: set[str] = set()
        self._returned: queue.SimpleQueue[tuple[str, Future]] = queue.SimpleQueue()
        self._kills: Counter[str] = Counter()
        self._sends: Counter[tuple[str, str]] = Counter()
        self._compiled: set[tuple[str, tuple[str, str]]] = set()  # (host, (trace digest, kind))
        self._last_seen = time.monotonic()
        self._last_poll = 0.0
        self.busy_s = 0.0  # in points
        self.worker_s = 0.0  # between the first chunk handed out and the last one back, times workers

    def run(self, points: Sequence[Point], record: Record) -> None:
        """Run every point; `record(rows, errors)` gets the outcomes as they come. Raises ClusterError."""
        backlog, samples, start = Backlog(points), _samples(points), None
        try:
            while backlog or self._jobs:
                self._look(backlog, record)
                for worker in sorted(self._workers - set(self._jobs)):
                    self._employ(worker, backlog, samples)
                if start is None and any(job.points for job in self._jobs.values()):
                    start = time.monotonic()
                self._receive(backlog, record, POLL_S)
        except OSError as error:
            raise ClusterError(f"lost the scheduler ({error}); every outcome so far is kept") from None
        finally:
            self._keep_what_came(record)
        if start is not None:
            self.worker_s += (time.monotonic() - start) * max(1, len(self._workers))

    def _look(self, backlog: Backlog, record: Record) -> None:
        """See which workers there are; what a lost one was doing goes back."""
        now = time.monotonic()
        if now - self._last_poll < POLL_S:
            return
        self._last_poll = now
        self._workers = set(self._client.nthreads())
        for worker in set(self._jobs) - self._workers:
            self._lost(worker, self._jobs.pop(worker), backlog, record)
        if self._workers:
            self._last_seen = now
        elif now - self._last_seen > PATIENCE_S:
            raise ClusterError(f"no worker for {PATIENCE_S:g} s; start some (accelsim worker ADDRESS) and go on "
                               "with --resume")

    def _employ(self, worker: str, backlog: Backlog, samples: Mapping[tuple[str, str], list[Point]]) -> None:
        """Give `worker` a chunk, or kernels to compile when it is the first of its host, or nothing yet."""
        host = _host(worker)
        missing = [key for key in samples if (host, key) not in self._compiled]
        if missing:
            if not any(_host(other) == host and not job.points for other, job in self._jobs.items()):
                tasks = [_task(point, compiling=True) for key in missing for point in samples[key]]
                self._jobs[worker] = Job(self._submit(worker, worker_side.compile_kernels, tasks), [], missing)
            return
        chunk = backlog.take(worker, len(self._workers))
        if chunk:
            tasks = [_task(point) for point in chunk]
            self._jobs[worker] = Job(self._submit(worker, worker_side.run_chunk, tasks), chunk)

    def _submit(self, worker: str, work: Callable[..., Any], tasks: list[worker_side.Task]) -> "Future":
        tables = {d: self._tables[d].model_dump(mode="json") for d in sorted({task.table_digest for task in tasks})}
        future = self._client.submit(work, tasks, tables, workers=[worker], allow_other_workers=False, pure=False)
        future.add_done_callback(lambda done: self._returned.put((worker, done)))
        return future

    def _receive(self, backlog: Backlog, record: Record, timeout_s: float) -> None:
        try:
            worker, future = self._returned.get(timeout=timeout_s)
        except queue.Empty:
            return
        if worker not in self._jobs or self._jobs[worker].future is not future:
            return  # given up before
        job = self._jobs.pop(worker)
        report = self._report(worker, future)
        if report is None:
            self._lost(worker, job, backlog, record)
            return
        if job.points:
            self._take_in(report, job, backlog, record)
        if report.missing is not None:
            self._send(worker, self._traces[report.missing])
        else:
            self._compiled.update((_host(worker), sample) for sample in job.samples)

    def _report(self, worker: str, future: "Future") -> worker_side.Report | None:
        """What came back; None when the worker was lost on the way."""
        from distributed import KilledWorker

        if future.status == "finished":
            report: worker_side.Report = future.result()
            return report
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker):
            return None
        raise ClusterError(f"worker {worker} cannot run points: {type(error).__name__}: {error}; it needs the same "
                           "accelsim and Python packages as here")

    def _take_in(self, report: worker_side.Report, job: Job, backlog: Backlog, record: Record) -> None:
        record(report.rows, report.errors)
        if report.seconds:
            self.busy_s += sum(report.seconds)
            backlog.took(report.seconds)
        backlog.put_back([p for p in job.points if p.run_id not in report.rows and p.run_id not in report.errors])

    def _lost(self, worker: str, job: Job, backlog: Backlog, record: Record) -> None:
        job.future.cancel()
        backlog.leave(worker)
        # a worker lost while it compiled is no reason to stop: a point will say what is wrong
        self._compiled.update((_host(worker), sample) for sample in job.samples)
        for point in job.points:
            self._kills[point.run_id] += 1
        ruinous = [p for p in job.points if self._kills[p.run_id] >= MAX_KILLS]
        if ruinous:
            record({}, {p.run_id: f"its worker died {MAX_KILLS} times while running it (out of memory, or a crash)"
                        for p in ruinous})
        backlog.suspect([p for p in job.points if self._kills[p.run_id] < MAX_KILLS])

    def _send(self, worker: str, trace: StudyTrace) -> None:
        """Put the trace's file into the worker's folder. A worker that dies meanwhile is noticed later."""
        self._sends[worker, trace.digest] += 1
        if self._sends[worker, trace.digest] > MAX_SENDS:
            raise ClusterError(f"worker {worker} cannot keep trace {trace.name!r} (sent {MAX_SENDS} times, never "
                               f"whole); is its disk full, or was {trace.file} changed?")
        for number, (part, last) in enumerate(trace.parts()):
            self._client.run(worker_side.keep_trace, trace.digest, number, part, last, workers=[worker],
                             on_error="return")

    def _keep_what_came(self, record: Record) -> None:
        """On the way out, also by Ctrl-C: outcomes that are already here are recorded, the rest is called off."""
        while True:
            try:
                worker, future = self._returned.get_nowait()
            except queue.Empty:
                break
            job = self._jobs.get(worker)
            if job is not None and job.future is future and job.points and future.status == "finished":
                del self._jobs[worker]
                report = future.result()
                record(report.rows, report.errors)
        for job in self._jobs.values():
            job.future.cancel()
        self._jobs.clear()


def _host(worker: str) -> str:
    return worker.rpartition("/")[2].rpartition(":")[0]


def _task(point: Point, compiling: bool = False) -> worker_side.Task:
    """What is sent of a point. To compile, the kind's default policy serves: a user's own may do anything."""
    assert point.config is not None, "points that cannot be run are recorded when they are made"
    policy = next(iter(policies(point.config.kind))) if compiling else point.facts["policy"]
    return worker_side.Task(point.run_id, point.config.to_dict(), policy, point.facts["trace_digest"],
                            point.facts["energy_table_digest"])


def _samples(points: Iterable[Point]) -> dict[tuple[str, str], list[Point]]:
    """A few points of every trace and kind, spread evenly over them."""
    by_kind: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        by_kind.setdefault((point.facts["trace_digest"], point.facts["kind"]), []).append(point)
    return {key: some[::-(-len(some) // COMPILED_POINTS)] for key, some in by_kind.items()}
