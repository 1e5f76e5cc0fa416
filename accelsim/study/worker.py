"""What runs on a worker: chunks of points, one chunk at a time. Everything here is called through Dask.

A worker keeps the traces that it was sent in its own folder, by digest, and the last few in memory, so that what
`accelsim.workload.derived` keeps for a trace outlives a chunk.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine
from accelsim.errors import AccelsimError, told
from accelsim.hw.energy import EnergyTable
from accelsim.result.result import Result
from accelsim.simulation import simulate_design
from accelsim.workload.conv2d import Conv2d, conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul
from accelsim.workload.recurrent import Recurrent
from accelsim.workload.trace import Trace, load_trace
from accelsim.yaml import validate

TRACES_IN_MEMORY = 2
_busy = threading.Lock()  # a process runs one point at a time, however many threads its worker has
_traces: OrderedDict[str, Trace] = OrderedDict()


@dataclass(frozen=True)
class Task:
    """One point, as it is sent."""

    run_id: str
    config: Mapping[str, Any]
    policy: str
    trace_digest: str
    table_digest: str


@dataclass
class Report:
    """What comes back from a chunk: rows by run id, errors by run id, seconds per point, a trace that is missing."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    missing: str | None = None


def run_chunk(tasks: Sequence[Task], tables: Mapping[str, Mapping[str, Any]]) -> Report:
    """Run `tasks` in order; `tables` are the energy tables by digest. Stops early at a trace that is not here yet."""
    report = Report()
    with _busy:
        for task in tasks:
            start = time.perf_counter()
            trace = _trace(task.trace_digest)
            if trace is None:
                report.missing = task.trace_digest
                break
            try:
                report.rows[task.run_id] = _run(task, trace, tables[task.table_digest])
            except AccelsimError as error:
                report.errors[task.run_id] = f"{type(error).__name__}: {error}"
            except MemoryError:
                report.errors[task.run_id] = "MemoryError: its worker has too little memory for this point"
            except BaseException as error:  # a point's own failure never ends the study
                report.errors[task.run_id] = f"{told(error)} (a defect; please report it)"
            report.seconds.append(time.perf_counter() - start)
    return report


def compile_kernels(tasks: Sequence[Task], tables: Mapping[str, Mapping[str, Any]]) -> Report:
    """Run `tasks` on a few inputs of each layer, so that every kernel they need is compiled and on disk.

    numba's cache on disk is not safe when processes compile the same function for the first time at once: one
    worker per machine does this before the others start.
    """
    report = Report()
    with _busy:
        for task in tasks:
            trace = _trace(task.trace_digest)
            if trace is None:
                report.missing = task.trace_digest
                break
            try:
                small = Trace([_sliver(layer) for layer in trace.layers], edges=())
                _run(task, small, tables[task.table_digest], check=False)
            except BaseException:  # the point itself will say what is wrong
                continue
    return report


def keep_trace(digest: str, number: int, part: bytes, last: bool, dask_worker: Any) -> None:
    """Store part `number` of a trace's file; after the `last`, the file is there under its digest."""
    folder = _folder(dask_worker)
    building = folder / f"{digest}.part"
    with building.open("wb" if number == 0 else "ab") as stream:
        stream.write(part)
    if last:
        building.replace(folder / f"{digest}.safetensors")


def _trace(digest: str) -> Trace | None:
    """The trace with this digest, from memory or from the worker's folder; None when it has to be sent."""
    if digest in _traces:
        _traces.move_to_end(digest)
        return _traces[digest]
    from distributed import get_worker

    file = _folder(get_worker()) / f"{digest}.safetensors"
    if not file.is_file():
        return None
    try:
        trace = load_trace(file)
    except AccelsimError:
        trace = None
    if trace is None or trace.digest != digest:
        file.unlink(missing_ok=True)  # damaged on the way or on disk
        return None
    _traces[digest] = trace
    while len(_traces) > TRACES_IN_MEMORY:
        _traces.popitem(last=False)
    return trace


def _folder(dask_worker: Any) -> Path:
    folder = Path(dask_worker.local_directory) / "accelsim-traces"
    folder.mkdir(exist_ok=True)
    return folder


def _run(task: Task, trace: Trace, table_data: Mapping[str, Any], check: bool = True) -> dict[str, Any]:
    kind = str(task.config["kind"])
    config: ArchConfig = validate(machine(kind).config, task.config, f"point {task.run_id}", without="kind")
    table = validate(EnergyTable, table_data, f"energy table {table_data.get('name')!r}")
    result = simulate_design(trace, config, table, task.policy)
    if check and result.run_id != task.run_id:
        raise AccelsimError(f"this worker computes run {result.run_id} where {task.run_id} was asked for: it has "
                            "another version of accelsim or of the machine; install the same one everywhere")
    return numbers(result)


def numbers(result: Result) -> dict[str, Any]:
    """The columns of a point's row that the run yields."""
    row: dict[str, Any] = {"cycles": result.cycles, "time_us": result.time_us, "energy_pj": result.energy_pj,
                           "utilization": result.utilization, "macs_dense": result.macs_dense,
                           "macs_effectual": result.macs_effectual}
    row |= {f"stall.{name}": n for name, n in result.stalls.items()}
    row |= {f"count.{name}": n for name, n in result.counts.items()}
    row |= {f"energy_pj.{name}": pj for name, pj in result.energy_by_component.items()}
    return row


def _sliver(layer: Layer) -> Layer:
    """The layer with all its outputs and types, but hardly any input: what kernels are compiled for stays the same."""
    if isinstance(layer, Conv2d):
        rows, cols = (min(layer.activation.shape[2 + d], layer.dilation[d] * (layer.weight.shape[2 + d] - 1) + 1)
                      for d in (0, 1))
        return conv2d(layer.name, layer.weight, layer.activation[:1, :, :rows, :cols], layer.stride, layer.padding,
                      layer.dilation, layer.groups, layer.bias)
    if isinstance(layer, Recurrent):
        inner = None if layer.inner is None else layer.inner[:, :1, :1]
        return replace(layer, weight=layer.weight[:, :, :2], activation=layer.activation[:1, :1, :2],
                       states=layer.states[:, :1, :1], inner=inner, lengths=None)
    weight, activation = layer.weight[:1, :, :2], layer.activation[:1, :1, :2]
    if layer.bias is None:
        return matmul(layer.name, weight, activation)
    return linear(layer.name, weight[0], activation[0], layer.bias)
