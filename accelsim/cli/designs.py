"""Several designs on one trace: all that can be checked is checked first, and one that cannot run stops no other."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.errors import AccelsimError, ConfigError, cut, inert

if TYPE_CHECKING:
    from accelsim.arch.config import ArchConfig
    from accelsim.hw.energy import EnergyTable
    from accelsim.result.result import Result
    from accelsim.workload.trace import Trace

LONGEST_REASON = 1000  # characters


@dataclass(frozen=True)
class CheckedDesign:
    """What --arch NAME[:POLICY] stands for, with its energy table."""

    config: "ArchConfig"
    table: "EnergyTable"
    policy: str


@dataclass(frozen=True)
class RunsOutcome:
    """Results of the designs that ran; for each of the others `name: why`, in the order given."""

    results: "list[Result]"
    refusals: list[str]


def checked_designs(archs: Sequence[str], policy: str | None, changes: Mapping[str, Any]) -> list[CheckedDesign]:
    """The designs; ConfigError for what can be known to be wrong before anything is simulated."""
    from accelsim.arch.registry import load_arch
    from accelsim.hw.energy import load_energy_table
    from accelsim.simulation import find_policy

    found = []
    for text in archs:
        name, own = _split(text)
        config = load_arch(name, changes)
        chosen, _ = find_policy(config.kind, own or policy)
        found.append(CheckedDesign(config, load_energy_table(config.energy_table), chosen))
    return found


def _split(text: str) -> tuple[str, str | None]:
    """Name and policy of NAME:POLICY; a file may have a colon in its name."""
    name, colon, policy = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, None
    if not name or not policy:
        raise ConfigError(f"--arch {cut(text)!r}: wanted NAME, or NAME:POLICY")
    return name, policy


def run_all(designs: Sequence[CheckedDesign], trace: "Trace", engine: str, threads: int | None) -> RunsOutcome:
    """Runs one after the other. A single design's error is raised; of several, those that can run do."""
    from accelsim.cores import checked_threads
    from accelsim.report.compiling import compiling_said
    from accelsim.report.progress import line, progress
    from accelsim.simulation import simulate_design

    cores = checked_threads(threads)
    outcome = RunsOutcome([], [])
    for design in designs:
        name = design.config.name
        try:
            with compiling_said(name), progress(name) as step:
                result = simulate_design(trace, design.config, design.table, design.policy, engine, cores, step)
        except AccelsimError as error:
            if len(designs) == 1:
                raise
            outcome.refusals.append(f"{name}: {cut(inert(str(error)), LONGEST_REASON)}")
            print(f"accelsim: {outcome.refusals[-1]}", file=sys.stderr, flush=True)
            continue
        outcome.results.append(result)
        if len(designs) > 1:
            line(f"{name}: {result.cycles:,} cycles, {result.time_us:,.1f} us")
    if not outcome.results:
        raise ConfigError(f"none of {len(designs)} designs can run {trace.name!r}: the reasons are above")
    return outcome
