"""Options that several commands have, and the config changes they stand for."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from accelsim.errors import ConfigError

Checked = Callable[[Callable[..., None]], Callable[..., None]]  # turns mistakes into one message and status 2
ArchOption = Annotated[list[str], typer.Option("--arch", "-a", metavar="NAME|FILE[:POLICY]",
                                               help="A preset's name or a YAML file; repeat to compare.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE",
                                                     help="Change a config key (dram.gbps=25.6, too); repeatable.")]
PolicyOption = Annotated[str | None, typer.Option(metavar="NAME",
                                                  help="Load-balancing policy (default: the published one).")]
GbpsOption = Annotated[float | None, typer.Option("--dram-gbps", metavar="G",
                                                  help="DRAM bandwidth, 10^9 bytes per second (dram.gbps).")]
TableOption = Annotated[str | None, typer.Option("--energy-table", metavar="NAME|FILE",
                                                 help="Price with this table, not the config's (energy_table).")]
ThreadsOption = Annotated[int | None, typer.Option(metavar="N", help="Layers computed at the same time (default: as "
                                                   "many as there are cores); the numbers are the same.")]
TraceArgument = Annotated[str, typer.Argument(metavar="TRACE", help="A shipped trace's name, or a trace file's path.")]


class OutputFormat(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"


def changes_of(sets: list[str] | None, dram_gbps: float | None, energy_table: str | None) -> dict[str, Any]:
    """The config's changes from --set and its shorthands."""
    changes = parse_sets(sets or [])
    shorthands = (("--dram-gbps", "dram.gbps", dram_gbps), ("--energy-table", "energy_table", energy_table))
    for option, key, value in shorthands:
        if value is None:
            continue
        if key in changes:
            raise ConfigError(f"{option} and --set {key}: both are given; give one")
        changes[key] = value
    return changes


def parse_sets(items: list[str]) -> dict[str, Any]:
    """KEY=VALUE items as YAML reads the values."""
    from accelsim.yaml import read_scalar

    changes: dict[str, Any] = {}
    for item in items:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigError(f"--set {item[:60]!r}: wanted KEY=VALUE, for example --set pes=32")
        if key in changes:
            raise ConfigError(f"--set {key[:60]!r}: given twice; give each key once")
        changes[key] = read_scalar(value, f"--set {key[:60]}")
    return changes
