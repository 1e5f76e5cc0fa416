"""What an engine says about one layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from accelsim.hw.memory.tiles import LayerMemory, Tiles
from accelsim.result.work import PeWork


class Alone(NamedTuple):
    """What a layer takes on a machine whose DRAM takes no time: the machine alone, for the roofline."""

    cycles: int
    stalls: Mapping[str, int]


@dataclass(frozen=True)
class LayerRun:
    """What an engine says about one layer.

    slots: units of work the machine could do per cycle (PEs, or multipliers), over which stalls are counted.
    stalls: slot-cycles by name, "busy" among them; they sum to slots x cycles.
    counts: every action counted, by the names the machine declares.
    notes: what the user should know about how this layer was mapped; see also `Machine.notes`.
    mapping: chosen tiles, passes, orders: small JSON-able values.
    output: the computed tensor (reference engine only), in the shape of `layer.output()`.
    tiles: what the layer moves from and to DRAM, and when (docs/memory.md); whether it stays on chip is not the
    engine's business. None: the machine does not tell.
    memory, alone: instead of tiles, from a machine with `own_dram` and a design with `dram`: what its DRAM did, the
    waits being among its own stalls, and the layer without them.
    work: the work of each PE; the sum is that of the stalls it names. None: the machine does not tell.
    """

    cycles: int
    slots: int
    stalls: Mapping[str, int]
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    mapping: Mapping[str, Any] = field(default_factory=dict)
    output: np.ndarray | None = None
    tiles: Tiles | None = None
    memory: LayerMemory | None = None
    alone: Alone | None = None
    work: PeWork | None = None
