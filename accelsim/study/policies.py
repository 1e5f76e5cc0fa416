"""Load-balancing policies against each other, on the same trace and the same hardware."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accelsim.arch.machine import LayerRun, Machine
from accelsim.arch.registry import load_arch, machine
from accelsim.arch.registry import policies as policies_of
from accelsim.arguments import items, mapping, texts
from accelsim.config import ArchConfig
from accelsim.errors import ConfigError, UnsupportedLayerError, cut, shown
from accelsim.results import LayerResult, Result
from accelsim.simulation import as_trace, find_policy, simulate
from accelsim.workload.layer import Layer

if TYPE_CHECKING:
    import pandas

    from accelsim.workload.trace import Trace

TOTAL = "total"
Arch = str | os.PathLike[str] | ArchConfig


@dataclass(frozen=True)
class PolicyRow:
    """One policy on one layer, or on all of them (`layer` is "total").

    design: the arch, with what was varied. speedup: cycles of the baseline over cycles. energy_pj. utilization: busy
    slot-cycles over all. imbalance: most over mean work of a PE; None where the machine does not tell. bound_cycles:
    what no policy can go below on this design. moved_stall: the stall that differs most from the baseline's, and
    moved_slot_cycles by how much (negative: fewer); empty and 0 for the baseline.
    """

    design: str
    policy: str
    layer: str
    cycles: int
    speedup: float
    energy_pj: float
    utilization: float
    imbalance: float | None
    bound_cycles: int
    moved_stall: str
    moved_slot_cycles: int
    stalls: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings; stalls as `stall.NAME`."""
        flat = {k: v for k, v in vars(self).items() if k != "stalls"}
        return flat | {f"stall.{name}": n for name, n in self.stalls.items()}


@dataclass(frozen=True)
class PolicyComparison:
    """Rows of every design and policy: one per layer, one for the total. The first policy of a design is its baseline.

    left_out: what each policy said that cannot run the trace, where all were asked for. Printing it shows the totals
    and the layers as tables.
    """

    trace: str
    rows: tuple[PolicyRow, ...]
    left_out: tuple[str, ...] = ()

    @property
    def totals(self) -> list[PolicyRow]:
        """The rows of whole runs."""
        return [row for row in self.rows if row.layer == TOTAL]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        return {"trace": self.trace, "rows": [row.to_dict() for row in self.rows], "left_out": list(self.left_out)}

    def to_pandas(self) -> "pandas.DataFrame":
        """One row per design, policy and layer."""
        import pandas

        return pandas.DataFrame([row.to_dict() for row in self.rows])

    def __str__(self) -> str:
        from accelsim.report.policies import as_table

        return as_table(self)


def compare_policies(trace: "Trace | Layer | str | os.PathLike[str]", arch: "Arch | Sequence[Arch]" = "eie",
                     policies: "str | Sequence[str]" = "all", vary: Mapping[str, Sequence[Any]] | None = None
                     ) -> PolicyComparison:
    """Simulate `trace` under several policies of each arch.

    trace: as for `simulate`. arch: one, or several. policies: names, or "all"; the first is the baseline (for "all" the
    published one); of "all", those that cannot run the trace are left out as long as one can. vary: config keys with
    values to try too, every combination a design of its own.
    Raises ConfigError, TraceError or UnsupportedLayerError as `simulate` does.
    """
    loaded = as_trace(trace)
    archs = ([arch] if isinstance(arch, (str, os.PathLike, ArchConfig))
             else items("arch", arch, ConfigError, "a preset's name, a path, a config, or several"))
    wanted = texts("policies", policies, ConfigError, "names of policies, or all")
    if not archs or not wanted:
        raise ConfigError("a comparison needs at least one arch and one policy")
    rows: list[PolicyRow] = []
    left_out: list[str] = []
    axes = {key: items(f"vary: {shown(key)}", values, ConfigError, "a list of values")
            for key, values in mapping("vary", vary, ConfigError, "a mapping of keys to values").items()}
    for base, values in itertools.product(archs, itertools.product(*axes.values())):
        changes = dict(zip(axes, values, strict=True))
        config = load_arch(base, changes)
        label = " ".join([config.name, *(f"{key}={cut(str(value))}" for key, value in changes.items())])
        results, refused = _results(loaded, config, _names(config.kind, wanted), lenient=wanted == ["all"])
        rows += _design_rows(config, label, results)
        left_out += [f"{label}, {name}: {why}" for name, why in refused.items()]
    return PolicyComparison(loaded.name, tuple(rows), tuple(left_out))


def _names(kind: str, wanted: list[str]) -> list[str]:
    if wanted == ["all"]:
        return list(policies_of(kind))
    return list(dict.fromkeys(find_policy(kind, name)[0] for name in wanted))


def _results(trace: "Trace", config: ArchConfig, names: Sequence[str],
             lenient: bool) -> tuple[dict[str, Result], dict[str, UnsupportedLayerError]]:
    """Results by policy; and, if lenient and there is a result at all, what the others say that refuse the trace."""
    results, refused = {}, {}
    for name in names:
        try:
            results[name] = simulate(trace, config, policy=name)
        except UnsupportedLayerError as error:
            if not lenient:
                raise
            refused[name] = error
    if not results:
        raise next(iter(refused.values()))
    return results, refused


def _design_rows(config: ArchConfig, label: str, results: Mapping[str, Result]) -> list[PolicyRow]:
    model = machine(config.kind)
    baseline = next(iter(results.values()))
    rows = []
    for name, result in results.items():
        bounds = [_bound(model, config, layer) for layer in result.layers]
        for layer, first, bound in zip(result.layers, baseline.layers, bounds, strict=True):
            rows.append(_row(label, name, layer.name, layer, first, bound))
        rows.append(_row(label, name, TOTAL, result, baseline, sum(bounds)))
    return rows


def _row(label: str, policy: str, layer: str, of: "Result | LayerResult", first: "Result | LayerResult",
         bound: int) -> PolicyRow:
    moved = {name: n - first.stalls[name] for name, n in of.stalls.items() if name != "busy"}
    most = max(moved, key=lambda name: abs(moved[name]), default="")
    return PolicyRow(
        design=label, policy=policy, layer=layer, cycles=of.cycles,
        speedup=first.cycles / of.cycles if of.cycles else 1.0, energy_pj=of.energy_pj, utilization=of.utilization,
        imbalance=of.imbalance, bound_cycles=bound, moved_stall=most if most and moved[most] else "",
        moved_slot_cycles=moved.get(most, 0), stalls=dict(of.stalls))


def _bound(model: Machine[Any], config: ArchConfig, layer: LayerResult) -> int:
    run = LayerRun(cycles=layer.cycles, slots=layer.slots, stalls=layer.stalls, counts=layer.counts,
                   mapping=layer.mapping)
    return model.bound_cycles(layer.layer, config, run)
