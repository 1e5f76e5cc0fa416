"""What a page or a figure is made from: results, stores of sweeps and comparisons of policies, as files or objects."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from accelsim.errors import ReportError
from accelsim.files import reason_of
from accelsim.result.comparison import PolicyComparison
from accelsim.result.format import FileRecord
from accelsim.result.records import RunRecord
from accelsim.yaml import flattened

if TYPE_CHECKING:
    from accelsim.result.result import Result
    from accelsim.study.sweep import SweepResult

    Source = str | os.PathLike[str] | Result | PolicyComparison | SweepResult
_Model = TypeVar("_Model", bound=FileRecord)
_SQLITE = b"SQLite format 3\0"
_WANTED = "give a result.json or policies.json, a folder that -o wrote, or the store of a sweep"
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True)
class Run:
    """A run and where it came from; `label` differs from those of the other runs on its trace."""

    label: str
    source: str
    record: RunRecord


@dataclass(frozen=True)
class TraceRuns:
    """The runs on one trace, in the order given; the first is the baseline."""

    label: str
    trace: str
    digest: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Sweep:
    """Rows of a store, in order, as `accelsim results` has them."""

    label: str
    rows: Sequence[Mapping[str, Any]]

    @property
    def finished(self) -> list[Mapping[str, Any]]:
        """The rows with numbers."""
        return [row for row in self.rows if row.get("status") == "finished"]


@dataclass(frozen=True)
class Comparison:
    """Policies on one trace."""

    label: str
    record: PolicyComparison


@dataclass
class Collected:
    """Everything that was given. notes: what a reader should know about it."""

    groups: list[TraceRuns] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        """The runs on all traces."""
        return [run for group in self.groups for run in group.runs]


def collect(sources: "Sequence[Source]") -> Collected:
    """Read `sources`, in any mix. Runs that are given twice are kept once.

    Raises ReportError or StoreError naming the file, what was found and what was wanted.
    """
    found = Collected()
    runs: list[tuple[str, RunRecord]] = []
    for source in sources:
        _add(source, found, runs)
    kept: dict[str, tuple[str, RunRecord]] = {}
    for name, record in runs:
        if record.run_id in kept:
            found.notes.append(f"run {record.run_id} ({record.arch} on {record.trace}) is in {kept[record.run_id][0]} "
                               f"and in {name}: shown once")
        kept.setdefault(record.run_id, (name, record))
    found.groups = _groups(list(kept.values()))
    found.sweeps = _told_apart(found.sweeps)
    found.comparisons = _told_apart(found.comparisons)
    if not (found.groups or found.sweeps or found.comparisons):
        raise ReportError(f"nothing to show; {_WANTED}")
    return found


def _add(source: Any, found: Collected, runs: list[tuple[str, RunRecord]]) -> None:
    if isinstance(source, (str, os.PathLike)):
        for path in _files(Path(os.fsdecode(source))):
            _add_file(path, found, runs)
    elif isinstance(record := getattr(source, "record", None), RunRecord):
        runs.append(("a result object", record))
    elif isinstance(source, PolicyComparison):
        found.comparisons.append(Comparison(source.trace, source))
    elif isinstance(getattr(source, "rows", None), list):
        label = source.store.name if source.store is not None else "sweep"
        found.sweeps.append(Sweep(label, source.rows))
    else:
        raise ReportError(f"a {type(source).__name__} is no result; {_WANTED}, or what simulate, sweep or "
                          "compare_policies returned")


def _files(path: Path) -> list[Path]:
    """The path, or what a folder that `-o` wrote has in it."""
    try:
        if path.is_dir():
            inside = [file for name in ("result.json", "policies.json") if (file := path / name).is_file()]
            if not inside:
                raise ReportError(f"{path}: a folder without result.json and policies.json; {_WANTED}")
            return inside
        if not path.exists():
            raise ReportError(f"{path}: no such file; {_WANTED}")
        if not path.is_file():  # a pipe would be waited for, a device never ends
            raise ReportError(f"{path}: is not a file; {_WANTED}")
    except (OSError, ValueError) as error:
        raise ReportError(f"{str(path)[:200]!r}: cannot be read ({reason_of(error)}); {_WANTED}") from None
    return [path]


def _add_file(path: Path, found: Collected, runs: list[tuple[str, RunRecord]]) -> None:
    try:
        with path.open("rb") as stream:
            is_store = stream.read(len(_SQLITE)) == _SQLITE
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror}); {_WANTED}") from None
    if is_store:
        found.sweeps.append(_read_store(path, found.notes))
    else:
        _add_data(str(path), _read_json(path), found, runs, "/".join(path.parts[-2:]))


def _read_store(path: Path, notes: list[str]) -> Sweep:
    from accelsim.study.store import Store

    store = Store.read(path)
    try:
        rows = store.rows()
        points, finished, failed = store.counts()
    finally:
        store.close()
    if points > finished + failed:
        notes.append(f"{path.name}: {points - finished - failed:,} of {points:,} points are not run yet")
    return Sweep(path.name, rows)


def _read_json(path: Path) -> Any:
    def refused(constant: str) -> Any:
        raise ValueError(f"{constant} is not a number of JSON")

    try:
        return json.loads(path.read_bytes(), parse_constant=refused)
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror}); {_WANTED}") from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path}: not a result: not readable as JSON ({str(error)[:120]}); {_WANTED}") from None


def _add_data(name: str, data: Any, found: Collected, runs: list[tuple[str, RunRecord]], short: str = "") -> None:
    short = short or name  # pages hold no folders of the machine that they were made on
    if isinstance(data, dict) and isinstance(data.get("runs"), list) and data["runs"]:
        runs += [(short, _checked(RunRecord, run, f"{name}: runs[{i}]")) for i, run in enumerate(data["runs"])]
    elif isinstance(data, dict) and "run_id" in data:
        runs.append((short, _checked(RunRecord, data, name)))
    elif isinstance(data, dict) and {"trace", "rows"} <= set(data):
        record = _checked(PolicyComparison, data, name)
        found.comparisons.append(Comparison(record.trace, record))
    else:
        keys = f"an object with {', '.join(list(data)[:5]) or 'nothing'}" if isinstance(data, dict) else "no object"
        raise ReportError(f"{name}: not a result ({keys[:200]}); {_WANTED}")


def _checked(model: type[_Model], data: Any, where: str) -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, p['loc']))}: {p['msg'].removeprefix('Value error, ')}".removeprefix(": ")
                    for p in error.errors(include_url=False)]
        more = f" (and {len(problems) - _SHOWN_PROBLEMS} more)" if len(problems) > _SHOWN_PROBLEMS else ""
        first = "; ".join(problems[:_SHOWN_PROBLEMS])[:600]
        raise ReportError(f"{where}: not a result of this accelsim: {first}{more}; make it again with accelsim run or "
                          "accelsim policies") from None


def _groups(runs: list[tuple[str, RunRecord]]) -> list[TraceRuns]:
    by_trace: dict[tuple[str, str], list[tuple[str, RunRecord]]] = {}
    for name, record in runs:
        by_trace.setdefault((record.trace, record.trace_digest), []).append((name, record))
    names = [trace for trace, _ in by_trace]
    groups = []
    for (trace, digest), members in by_trace.items():
        label = f"{trace} ({digest[:8]})" if names.count(trace) > 1 else trace
        labels = run_labels([record for _, record in members])
        groups.append(TraceRuns(label, trace, digest, tuple(
            Run(own, name, record) for own, (name, record) in zip(labels, members, strict=True))))
    return groups


def run_labels(records: Sequence[RunRecord]) -> list[str]:
    """A short name for each run: its arch, and in which of policy, engine, config and versions the runs differ."""
    facts = [_facts(record) for record in records]
    labels = [record.arch for record in records]
    for label in dict.fromkeys(labels):
        same = [i for i, record in enumerate(records) if record.arch == label]
        keys = dict.fromkeys(key for i in same for key in facts[i])
        telling = [key for key in keys if len({repr(facts[i][key]) for i in same if key in facts[i]}) > 1]
        for i in same:
            own = [str(facts[i][k]) if k in _PLAIN else f"{k}={facts[i][k]}" for k in telling if k in facts[i]]
            labels[i] = " ".join([label, *own])
    return [f"{label} {record.run_id}" if labels.count(label) > 1 else label
            for label, record in zip(labels, records, strict=True)]


_PLAIN = ("policy", "engine", "memory")


def _facts(record: RunRecord) -> dict[str, Any]:
    """What two runs of one arch may differ in; with keys of the DRAM if there is one."""
    config = {key: value for key, value in flattened(record.config).items() if key not in ("kind", "name", "dram")}
    gbps = "" if record.dram_gbps is None else f" {record.dram_gbps:g} GB/s"
    memory = "no DRAM" if record.config.get("dram") is None else f"DRAM{gbps}"
    config.pop("dram.gbps", None)
    return {"policy": record.policy, "engine": record.engine, "memory": memory, **config,
            "energy_table_digest": record.energy_table_digest[:8], "model_version": record.model_version}


_Labelled = TypeVar("_Labelled", Sweep, Comparison)


def _told_apart(items: list[_Labelled]) -> list[_Labelled]:
    """The items, numbered where two have one label."""
    from dataclasses import replace

    labels = [item.label for item in items]
    return [replace(item, label=f"{item.label} #{labels[:i].count(item.label) + 1}")
            if labels.count(item.label) > 1 else item for i, item in enumerate(items)]
