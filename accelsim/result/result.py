"""What a simulation returns: one `LayerResult` per layer, and a `Result` that adds them up.

Layers run one after the other, so cycles, counts, stalls and energies of a run are sums over its layers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine
from accelsim.result.format import integers
from accelsim.result.records import LayerRecord, RunRecord, Totals
from accelsim.result.roofline import Roofline
from accelsim.result.work import PeWork, added
from accelsim.workload.layer import Layer
from accelsim.workload.trace import Trace
from accelsim.yaml import digest_of

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class LayerResult:
    """The result of one layer on one machine.

    cycles: clock cycles. time_us: the same at the clock of the config.
    energy_pj: energy of all counted actions. It is split twice: `energy_by_component` by the part of the machine, and
    `energy_by_data` by the data an action serves (weight, activation, output, or shared when it serves several).
    slots: how many units of work the machine can do per cycle: its PEs, or its multipliers.
    stalls: slot-cycles by name, "busy" first; their sum is slots x cycles. utilization: busy slot-cycles / all.
    counts: how often each action happened. mapping: how the layer was laid out on the machine.
    macs_dense, macs_effectual: multiply-accumulates of the layer itself; they are the same on every machine.
    work: the work of each PE, None if the machine does not report it. imbalance: work of the busiest PE / mean work.
    roofline: which bound limits the layer. output: the tensor that the reference engine computed, else None.
    run_notes: notes of the engine; `notes` has these and those of the machine's description.
    """

    name: str
    op: str
    shape: str
    cycles: int
    time_us: float
    energy_pj: float
    energy_by_component: Mapping[str, float]
    energy_by_data: Mapping[str, float]
    slots: int
    stalls: Mapping[str, int]
    counts: Mapping[str, int]
    macs_dense: int
    run_notes: tuple[str, ...]
    mapping: Mapping[str, Any]
    roofline: Roofline
    output: np.ndarray | None = field(repr=False, compare=False)
    work: PeWork | None = field(repr=False, compare=False)
    layer: Layer = field(repr=False, compare=False)
    config: ArchConfig = field(repr=False, compare=False)

    @property
    def utilization(self) -> float:
        return _ratio(self.stalls["busy"], self.slots * self.cycles)

    @property
    def imbalance(self) -> float | None:
        return None if self.work is None else self.work.imbalance

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how the layer ran; found on first use: a machine may look at all weights."""
        model = machine(self.config.kind)
        own = model.notes(self.layer, self.config, self.mapping) if self.layer.op in model.ops else ()
        return (*self.run_notes, *own)

    @property
    def macs_effectual(self) -> int:
        return self.layer.macs_effectual  # counted on first use: a pass over the weights

    @property
    def record(self) -> LayerRecord:
        """What result files hold of it."""
        return LayerRecord.of(
            self, stalls=integers(self.stalls), counts=integers(self.counts), mapping=dict(self.mapping),
            energy_by_component=dict(self.energy_by_component), energy_by_data=dict(self.energy_by_data),
            notes=list(self.notes), work=None if self.work is None else self.work.record)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain numbers, strings, lists and dicts."""
        return self.record.to_dict()


@dataclass(frozen=True)
class Result:
    """A whole run. The quantities are those of `LayerResult`, added up over `layers`.

    Printing it shows a table; a notebook shows the same as HTML.
    """

    arch: str
    config: ArchConfig
    trace: str
    policy: str
    engine: str
    layers: tuple[LayerResult, ...]
    area_mm2: float | None
    energy_table: str
    energy_table_digest: str
    model_version: int
    trace_digest_source: Trace = field(repr=False, compare=False)

    @property
    def cycles(self) -> int:
        return sum(layer.cycles for layer in self.layers)

    @property
    def time_us(self) -> float:
        return self.cycles / self.config.clock_mhz

    @property
    def energy_pj(self) -> float:
        return sum(layer.energy_pj for layer in self.layers)

    @property
    def energy_by_component(self) -> dict[str, float]:
        return _added(layer.energy_by_component for layer in self.layers)

    @property
    def energy_by_data(self) -> dict[str, float]:
        return _added(layer.energy_by_data for layer in self.layers)

    @property
    def stalls(self) -> dict[str, int]:
        return _added(layer.stalls for layer in self.layers)

    @property
    def counts(self) -> dict[str, int]:
        return _added(layer.counts for layer in self.layers)

    @property
    def utilization(self) -> float:
        return _ratio(self.stalls["busy"], sum(layer.slots * layer.cycles for layer in self.layers))

    @cached_property
    def work(self) -> PeWork | None:
        """The work of each PE, added up over the layers; None unless all layers report it, on one grid."""
        return added([layer.work for layer in self.layers])

    @property
    def imbalance(self) -> float | None:
        return None if self.work is None else self.work.imbalance

    @property
    def macs_dense(self) -> int:
        return sum(layer.macs_dense for layer in self.layers)

    @property
    def macs_effectual(self) -> int:
        return sum(layer.macs_effectual for layer in self.layers)

    @property
    def notes(self) -> tuple[str, ...]:
        """Every layer's notes, with the layer's name in front."""
        return tuple(f"{layer.name}: {note}" for layer in self.layers for note in layer.notes)

    @cached_property
    def run_id(self) -> str:
        """Digest of validated config, energy table, trace, policy, engine and the model's version."""
        return run_id_of(self.config, self.energy_table_digest, self.trace_digest, self.policy, self.engine,
                         self.model_version)

    @property
    def trace_digest(self) -> str:
        return self.trace_digest_source.digest  # hashed on first use: a pass over the tensors

    @property
    def record(self) -> RunRecord:
        """What result files hold of it, and pages and figures are made from."""
        return RunRecord.of(self, config=self.config.to_dict(), totals=Totals.of(self), stalls=integers(self.stalls),
                            counts=integers(self.counts), layers=[layer.record for layer in self.layers])

    def to_dict(self) -> dict[str, Any]:
        """The run as `accelsim run --format json` prints it: plain numbers, strings, lists and dicts."""
        return self.record.to_dict()

    def to_pandas(self) -> "pandas.DataFrame":
        """One row per layer; stalls, counts and energies as columns `stall.NAME`, `count.NAME`, `energy_pj.NAME`."""
        import pandas

        return pandas.DataFrame(rows(self))

    def __str__(self) -> str:
        from accelsim.result.table import as_text

        return as_text([self])

    def _repr_html_(self) -> str:
        from accelsim.result.notebook import as_html

        return as_html([self])


_PREFIXES = {"stalls": "stall", "counts": "count", "energy_by_component": "energy_pj",
             "energy_by_data": "energy_by_data_pj", "roofline": "roofline"}


def run_id_of(config: ArchConfig, energy_table_digest: str, trace_digest: str, policy: str, engine: str,
              model_version: int) -> str:
    """What identifies a run before and after it; see `Result.run_id`."""
    return digest_of([config.to_dict(), energy_table_digest, trace_digest, policy, engine, model_version])[:16]


def rows(result: Result) -> list[dict[str, Any]]:
    """One flat row per layer: what CSV files and data frames hold."""
    flat = []
    for layer in result.layers:
        row: dict[str, Any] = {"run_id": result.run_id, "arch": result.arch, "policy": result.policy,
                               "trace": result.trace}
        for key, value in layer.to_dict().items():
            if key in _PREFIXES:
                prefix = _PREFIXES[key]
                row |= {f"{prefix}.{name}": number for name, number in value.items()}
            elif key == "notes":
                row[key] = "; ".join(value)
            elif key not in ("mapping", "work"):
                row[key] = value
        flat.append(row)
    return flat


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _added(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total
