"""Small designs of every machine, for the tests that run over all of them: tests/arch/<kind>/small.py, found by name.

Such a file has `DESIGNS`: label -> Small, the first the plain one, and `least_bits(layer, config)`: (weights,
activations), each operand once, in the machine's form without metadata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import kinds, load_arch, machine
from accelsim.workload.layer import Layer


@dataclass(frozen=True)
class Small:
    """A preset and what makes it small.

    policy: the default one when None. refused_by: policies that refuse layers of some patterns. timeline: more keys for
    timelines. may_not_fit: some layers are a CapacityError. counts_moves: what it moves is among its own counts.
    moves_once: every operand is moved just once. buffers: keys of buffers and growing sizes; no size moves more than a
    smaller one.
    """

    arch: str
    set: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None
    refused_by: tuple[str, ...] = ()
    timeline: Mapping[str, Any] = field(default_factory=dict)
    may_not_fit: bool = False
    counts_moves: bool = False
    moves_once: bool = False
    buffers: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def config(self, **changes: Any) -> ArchConfig:
        return load_arch(self.arch, {**self.set, **changes})


@cache
def small_designs() -> dict[str, Small]:
    """Every small design by name: the kind, then ", " and its label where it is not the plain one."""
    found = {}
    for kind in our_kinds():
        for label, design in import_module(f"arch.{kind}.small").DESIGNS.items():
            found[f"{kind}, {label}" if label else kind] = design
    return found


def our_kinds() -> list[str]:
    """Every kind of this repository."""
    return sorted(kind for kind, module in kinds().items() if module.startswith("accelsim."))


def on_timeline() -> dict[str, Small]:
    """Those whose memory is the shared timeline."""
    return {name: small for name, small in small_designs().items() if not machine(kind_of(name)).own_dram}


def kind_of(name: str) -> str:
    return name.partition(",")[0]


def least_bits(name: str, layer: Layer, config: ArchConfig) -> tuple[int, int]:
    bits: tuple[int, int] = import_module(f"arch.{kind_of(name)}.small").least_bits(layer, config)
    return bits
