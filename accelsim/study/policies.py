"""Load-balancing policies against each other, on the same trace and the same hardware."""

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import LayerRun, Machine
from accelsim.arch.registry import load_arch, machine
from accelsim.arch.registry import policies as policies_of
from accelsim.arguments import items, mapping, texts
from accelsim.errors import ConfigError, UnsupportedLayerError, cut, shown
from accelsim.result.comparison import TOTAL, PolicyComparison, PolicyRow
from accelsim.result.format import integers
from accelsim.result.result import LayerResult, Result
from accelsim.simulation import as_trace, find_policy, simulate
from accelsim.workload.layer import Layer

if TYPE_CHECKING:
    from accelsim.workload.trace import Trace

Arch = str | os.PathLike[str] | ArchConfig


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
    return PolicyComparison(trace=loaded.name, rows=tuple(rows), left_out=tuple(left_out))


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
        moved_slot_cycles=moved.get(most, 0), stalls=integers(of.stalls))


def _bound(model: Machine[Any], config: ArchConfig, layer: LayerResult) -> int:
    run = LayerRun(cycles=layer.cycles, slots=layer.slots, stalls=layer.stalls, counts=layer.counts,
                   mapping=layer.mapping)
    return model.bound_cycles(layer.layer, config, run)
