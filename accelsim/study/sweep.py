"""The way of one study. Read this first.

    study file -> traces, design space -> points -> workers, a chunk at a time -> store -> rows, Pareto front

A point is a run id. The store has every outcome once; resuming runs what has none.
"""

import os
import platform
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.arguments import path_text, truth
from accelsim.errors import ConfigError, StoreError
from accelsim.study.checks import load_study
from accelsim.study.cluster import check_place, connected
from accelsim.study.crew import Crew
from accelsim.study.pareto import pareto_rows, parse_objectives
from accelsim.study.progress import Progress
from accelsim.study.schema import Search, Study
from accelsim.study.search import search
from accelsim.study.space import Point, Space
from accelsim.study.store import Store
from accelsim.study.traces import StudyTrace, study_traces
from accelsim.study.where import parse_where

if TYPE_CHECKING:
    import pandas

    from accelsim.workload.trace import Trace


@dataclass(frozen=True)
class SweepResult:
    """Every point's row, and how the sweep went.

    rows: flat dicts in the order of the points (columns as in docs/sweeps.md). ran: points run by this call, the others
    were there. excluded: combinations that a constraint left out. busy_share: the
    share of the workers' time that was spent in points.
    """

    rows: list[dict[str, Any]]
    ran: int
    excluded: int
    seconds: float
    busy_share: float
    store: Path | None

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Rows of the points that failed; `error` says why."""
        return [row for row in self.rows if row["status"] == "failed"]

    def where(self, condition: str) -> list[dict[str, Any]]:
        """The rows for which `condition` (column op value, and, or) holds."""
        holds = parse_where(condition)
        return [row for row in self.rows if holds(row)]

    def pareto(self, *objectives: str) -> list[dict[str, Any]]:
        """The finished rows that no other on the same trace beats in all `objectives`; `-name` is maximised."""
        finished = [row for row in self.rows if row["status"] == "finished"]
        return list(map(dict, pareto_rows(finished, parse_objectives(objectives))))

    def to_pandas(self) -> "pandas.DataFrame":
        """One row per point."""
        import pandas

        return pandas.DataFrame(self.rows)


def sweep(study: "str | os.PathLike[str] | Mapping[str, Any] | Study", store: str | os.PathLike[str] | None = None,
          scheduler: str | None = None, workers: int | None = None, resume: bool = False, retry_failed: bool = False,
          traces: "Sequence[Trace | str] | None" = None, progress: bool = False) -> SweepResult:
    """Run every point of `study` that `store` does not have yet.

    study: a YAML file, a mapping of the same keys or a Study. store: an SQLite file, which must not exist unless
    `resume`; a temporary one when None. scheduler: a Dask scheduler's address; a local cluster of `workers` processes
    when None. retry_failed: run the failed points of a resumed store again. traces: Trace objects or names, in
    place of the study's.
    Raises ConfigError, TraceError, StoreError or ClusterError; what was finished before that stays in the store.
    """
    start = time.monotonic()
    check_place(scheduler, workers)
    resume, retry_failed = truth("resume", resume, ConfigError), truth("retry_failed", retry_failed, ConfigError)
    if traces is not None and isinstance(study, Mapping):
        study = {"traces": "given"} | dict(study)
    read = load_study(study)
    with ExitStack() as stack:
        files = stack.enter_context(study_traces(read.traces if traces is None else traces))
        space = Space(read, files)
        planned = [] if isinstance(read.choose, Search) else space.points()
        path = (Path(path_text("store", store, StoreError, "a path")) if store is not None
                else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accelsim-sweep-"))) / "store.sqlite")
        kept = Store.create_or_open(path, _meta(read, space, planned), resume)
        stack.callback(kept.close)
        if retry_failed:
            kept.forget_failures()
        run = _Run(kept, space, files, progress)
        try:
            run.all(planned, scheduler, workers)
        except Exception:
            if not run.ran:
                kept.discard_if_new()
            raise
        return SweepResult(kept.rows(), run.ran, space.excluded, time.monotonic() - start, run.busy_share,
                           None if store is None else path)


class _Run:
    """One call of `sweep`: joins store, workers and progress."""

    def __init__(self, store: Store, space: Space, files: Sequence[StudyTrace], show: bool) -> None:
        self.store = store
        self.space = space
        self.files = files
        self.ran = 0
        self.busy_share = 1.0
        self.progress = Progress(show)

    def all(self, planned: Sequence[Point], scheduler: str | None, workers: int | None) -> None:
        """Run what has no outcome yet; no worker is started when nothing is open."""
        choose = self.space.study.choose
        self.store.add_points(planned)
        self.done = self.store.done()
        open_points = [p for p in planned if p.run_id not in self.done]
        if not open_points and not isinstance(choose, Search):
            return
        with connected(scheduler, workers) as client, self.progress:
            crew = Crew(client, self.files, self.space.tables)
            if isinstance(choose, Search):
                self.progress.start(choose.points * len(choose.seeds) * len(self.files), 0)
                search(self.space, choose, lambda points: self.batch(crew, points))
            else:
                self.progress.start(len(planned), len(planned) - len(open_points))
                crew.run(open_points, self.record)
            self.busy_share = crew.busy_s / crew.worker_s if crew.worker_s else 1.0

    def batch(self, crew: Crew, points: list[Point]) -> list[dict[str, Any] | None]:
        """Rows of `points`, run where the store has no outcome."""
        self.store.add_points(points)
        self.done |= {p.run_id for p in points if p.error is not None}
        known = [p for p in points if p.run_id in self.done]
        self.progress.advance(len(known), 0)
        crew.run([p for p in points if p.run_id not in self.done], self.record)
        return [self.store.row(p.run_id) for p in points]

    def record(self, rows: Mapping[str, Mapping[str, Any]], errors: Mapping[str, str]) -> None:
        self.store.record(rows, errors)
        self.done |= {*rows, *errors}
        self.ran += len(rows) + len(errors)
        self.progress.advance(len(rows) + len(errors), len(errors))


def _meta(study: Study, space: Space, planned: Iterable[Point]) -> dict[str, Any]:
    """What a store belongs to: equal metas have equal points. `made_by` is for the reader and may differ."""
    import numba
    import numpy

    import accelsim
    from accelsim.arch.registry import machine
    from accelsim.hw.energy import load_energy_table
    from accelsim.yaml import digest_of

    tables = {} if planned else {b.energy_table: load_energy_table(b.energy_table).digest for b in space.bases}
    return {
        "study": study.model_dump(mode="json", exclude={"traces", "archs", "name"}),
        "name": study.name,
        "traces": {trace.name: trace.digest for trace in space.traces},
        "archs": [base.to_dict() for base in space.bases],
        "axes": space.axes,
        "policies": space.policies,
        "models": {base.kind: machine(base.kind).version for base in space.bases},
        "energy_tables": tables,
        "points": digest_of([p.run_id for p in planned]),
        "made_by": {"accelsim": accelsim.__version__, "python": platform.python_version(),
                    "numpy": numpy.__version__, "numba": numba.__version__},
    }

