"""The data path of one simulation. Read this first.

    trace + arch -> checked config -> per layer: the machine's engine -> memory timeline -> counts -> energy -> Result

Everything else (command line, sweeps, reports, tests, notebooks) calls `simulate`.
"""

import itertools
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import LayerRun, Machine, Policy
from accelsim.arch.registry import load_arch, machine, policies
from accelsim.cores import checked_threads, in_threads
from accelsim.errors import (
    AccelsimError,
    AccountingError,
    ConfigError,
    ModelError,
    PolicyError,
    TraceError,
    shown,
    told,
)
from accelsim.hw.energy import SHARED, EnergyTable, load_energy_table
from accelsim.hw.memory import overlay as memory
from accelsim.result.result import LayerResult, Result
from accelsim.result.roofline import Roofline, roofline
from accelsim.workload.layer import Layer
from accelsim.workload.trace import Trace, load_trace
from accelsim.yaml import did_you_mean

ENGINES = ("kernel", "reference")
Progress = Callable[[int, int, str], None]


def simulate(trace: Trace | Layer | str | os.PathLike[str], arch: str | ArchConfig = "eie", engine: str = "kernel",
             policy: str | None = None, set: Mapping[str, Any] | None = None, threads: int | None = None,
             progress: Progress | None = None) -> Result:
    """Run every layer of `trace` on `arch`, one after the other.

    trace: a Trace, a single layer, a shipped trace's name or a path. arch: a preset's name, a YAML file's path or a
    config object; `set` maps its keys to other values. engine: "kernel" (fast) or "reference" (tick by tick on real
    values: slow, and yields each layer's output). policy: who gets what work; the machine's published one when None.
    threads: layers that are computed at the same time, all cores when None; the numbers are the same with any.
    progress: called with (layers done, all layers, the name of one just done), from any thread.
    Raises ConfigError, TraceError, UnsupportedLayerError or CapacityError with a message that says what to do.
    """
    if not isinstance(engine, str) or engine not in ENGINES:
        raise ConfigError(f"engine {shown(engine)} is unknown; wanted 'kernel' or 'reference'")
    config = load_arch(arch, set)
    return simulate_design(as_trace(trace), config, load_energy_table(config.energy_table), policy, engine,
                           checked_threads(threads), progress)


def simulate_design(trace: Trace, config: ArchConfig, table: EnergyTable, policy: str | None = None,
                    engine: str = "kernel", threads: int = 1, progress: Progress | None = None) -> Result:
    """`simulate` once every name is resolved: for sweeps, whose workers may not have the files behind the names."""
    model = machine(config.kind)
    policy_name, rule = find_policy(config.kind, policy)
    run = model.run if engine == "kernel" else model.reference
    done = itertools.count(1)

    def run_alone(layer: Layer) -> LayerRun:
        design = model.design_for(config, trace.begins_with(layer.name))
        with blaming(config.kind, policy_name, layer.name):
            outcome = run(layer, design, rule)
        check_accounting(model, layer, outcome)
        if progress is not None:
            progress(next(done), len(trace), layer.name)
        return outcome

    threads = threads if engine == "kernel" else 1  # a reference holds the interpreter's lock
    alone = in_threads(run_alone, trace.layers, threads, lambda layer: layer.macs_dense)
    own_dram = config.dram is not None and model.own_dram
    runs, channel = _with_own_memory(model, alone) if own_dram else _with_memory(model, config, trace, alone, engine)
    layers = []
    for layer, outcome, waited, dram_cycles in zip(trace.layers, alone, runs, channel, strict=True):
        machine_alone = outcome.alone or outcome
        ladder = roofline(machine_alone.cycles, outcome.slots, machine_alone.stalls, model.stall_classes, dram_cycles)
        layers.append(_layer_result(layer, waited, config, ladder))
    return Result(
        arch=config.name, config=config, trace=trace.name, policy=policy_name, engine=engine,
        layers=tuple(_priced(layer, model, config, table) for layer in layers),
        area_mm2=model.area_mm2(config), energy_table=table.name, energy_table_digest=table.digest,
        model_version=model.version, trace_digest_source=trace,
    )


def as_trace(trace: Any) -> Trace:
    """A Trace from whatever `simulate` takes for one."""
    if isinstance(trace, Trace):
        return trace
    if isinstance(trace, Layer):
        return Trace([trace], name=trace.name)
    if isinstance(trace, (str, os.PathLike)):
        return load_trace(trace)
    raise TraceError(f"simulate: trace is a {type(trace).__name__}, wanted a Trace, a layer, a name or a path")


def find_policy(kind: str, name: str | None) -> tuple[str, Policy]:
    """Name and function of a policy; the kind's default when `name` is None."""
    known = policies(kind)
    if name is None:
        name = next(iter(known))
    if not isinstance(name, str):
        raise ConfigError(f"policy is a {type(name).__name__}, wanted a name: {', '.join(known)}")
    if name not in known:
        raise ConfigError(f"{kind} has no policy {shown(name)}{did_you_mean(name, known)}")
    return name, known[name]


@contextmanager
def blaming(kind: str, policy: str, layer: str) -> Iterator[None]:
    """Whatever an engine under a policy of another package ends in, also `sys.exit()`, is that policy's PolicyError."""
    try:
        yield
    except AccelsimError:
        raise
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()
        if interrupted or policy in machine(kind).policies:
            raise
        raise PolicyError(f"layer {layer!r}: {kind}'s policy {policy!r} failed: {told(error)}; it comes from an "
                          "installed package: correct it there, or choose another policy") from error


def check_accounting(model: Machine[Any], layer: Layer, run: LayerRun) -> None:
    """Every slot-cycle is busy or has a named stall, once."""
    if tuple(run.stalls) != model.stall_names or set(run.counts) != {*model.count_names}:
        raise ModelError(f"{model.kind}, layer {layer.name!r}: the engine's names are not those the machine declares: "
                         f"{[*run.stalls, *run.counts]} instead of {[*model.stall_names, *model.count_names]}")
    check_books(model.kind, layer, run)


def check_books(kind: str, layer: Layer, run: LayerRun) -> None:
    """Stalls sum to slots x cycles, and nothing is negative."""
    total, wanted = sum(run.stalls.values()), run.slots * run.cycles
    work = run.work
    shared = 0 if work is None else sum(run.stalls[name] for name in work.stalls)
    if work is not None and (work.total != shared or work.cells.min() < 0):
        raise AccountingError(f"{kind}, layer {layer.name!r}: the work of the PEs sums to {work.total:,}, wanted "
                              f"{' + '.join(work.stalls)} = {shared:,}, none negative")
    if total != wanted or min(run.stalls.values()) < 0 or min(run.counts.values(), default=0) < 0:
        raise AccountingError(f"{kind}, layer {layer.name!r}: slot-cycles do not add up: {dict(run.stalls)} sum "
                              f"to {total:,}, wanted {run.slots:,} x {run.cycles:,} = {wanted:,}, none negative")


def repriced(result: Result, energy_table: str) -> Result:
    """The same run under another energy table: nothing is simulated again."""
    table = load_energy_table(energy_table)
    config = load_arch(result.config, {"energy_table": energy_table})
    model = machine(config.kind)
    return replace(result, config=config, energy_table=table.name, energy_table_digest=table.digest,
                   layers=tuple(_priced(layer, model, config, table) for layer in result.layers))


def _with_memory(model: Machine[Any], config: ArchConfig, trace: Trace, alone: list[LayerRun],
                 engine: str) -> tuple[list[LayerRun], list[int | None]]:
    """The layers' runs with the waits for memory, and the cycles for which each layer's data take the DRAM channel."""
    if config.dram is None:
        return alone, [None] * len(alone)
    parts = memory.overlay([run.tiles for run in alone], [layer.name for layer in trace.layers], trace.edges, config,
                           engine)
    runs = []
    for layer, run, part in zip(trace.layers, alone, parts, strict=True):
        waited = sum(part.wait_cycles.values())
        more = model.waiting_counts(config, waited)
        counts = {name: n + more.get(name, 0) for name, n in run.counts.items()} | dict(part.counts)
        stalls = dict(run.stalls) | {name: run.slots * n for name, n in part.wait_cycles.items()}
        runs.append(replace(run, cycles=run.cycles + waited, stalls=stalls, counts=counts))
        check_books(model.kind, layer, runs[-1])
    return runs, [part.channel_cycles for part in parts]


def _with_own_memory(model: Machine[Any], runs: list[LayerRun]) -> tuple[list[LayerRun], list[int | None]]:
    """The same of a machine that has waited for its own DRAM already."""
    counted: list[LayerRun] = []
    channel: list[int | None] = []
    for run in runs:
        if run.memory is None or run.alone is None:
            raise ModelError(f"{model.kind}: declares own_dram, but its engine says nothing of it (LayerRun.memory and "
                             "LayerRun.alone)")
        counted.append(replace(run, counts=dict(run.counts) | dict(run.memory.counts)))
        channel.append(run.memory.channel_cycles)
    return counted, channel


def _layer_result(layer: Layer, run: LayerRun, config: ArchConfig, ladder: Roofline) -> LayerResult:
    """Without its energy."""
    return LayerResult(
        name=layer.name, op=layer.op, shape=layer.shape_text, cycles=run.cycles,
        time_us=run.cycles / config.clock_mhz, energy_pj=0.0, energy_by_component={}, energy_by_data={},
        slots=run.slots, stalls=run.stalls, counts=run.counts, macs_dense=layer.macs_dense,
        run_notes=run.notes, mapping=run.mapping, roofline=ladder, output=run.output, work=run.work, layer=layer,
        config=config,
    )


def _priced(layer: LayerResult, model: Machine[Any], config: ArchConfig, table: EnergyTable) -> LayerResult:
    actions = dict(model.actions(config)) | ({} if model.own_dram else memory.actions(config))
    by_component, by_data = table.energy_pj(layer.counts, actions), table.energy_by_data_pj(layer.counts, actions)
    if table.leakage is not None:
        pj = table.leakage.energy_pj(layer.slots * layer.cycles, layer.time_us)
        by_component["leakage"] = by_component.get("leakage", 0.0) + pj
        by_data[SHARED] = by_data.get(SHARED, 0.0) + pj
    return replace(layer, config=config, energy_pj=sum(by_component.values()), energy_by_component=by_component,
                   energy_by_data=by_data)
