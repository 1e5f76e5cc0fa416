"""What a machine tells the memory timeline, its layers cut into tiles, and what memory adds to a layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

Values = Sequence[int] | np.ndarray


@dataclass(frozen=True)
class LayerMemory:
    """What memory adds to one layer: waiting cycles by stall, counts, and how long the channel moves its data."""

    wait_cycles: Mapping[str, int]
    counts: Mapping[str, int]
    channel_cycles: int


@dataclass(frozen=True)
class Tiles:
    """Tiles in order of execution, five int64 arrays [tile].

    compute_cycles: of the machine alone, everything being there; they add up to the layer's cycles.
    weight_bits, activation_bits: what the tile fetches from DRAM before it can compute; output_bits: what it writes
    back: exact bits in the machine's compressed form, metadata included. What an earlier tile left on chip is 0 here.
    load_cycles: the first of compute_cycles, in which weights flow from DRAM straight to where they are used; 0 where
    they come to a buffer before.
    """

    compute_cycles: np.ndarray
    weight_bits: np.ndarray
    activation_bits: np.ndarray
    output_bits: np.ndarray
    load_cycles: np.ndarray

    @classmethod
    def of(cls, compute_cycles: Values, weight_bits: Values, activation_bits: Values, output_bits: Values,
           load_cycles: Values | None = None) -> Self:
        """From anything that numpy makes int64 arrays of."""
        loads = np.zeros(len(compute_cycles), np.int64) if load_cycles is None else load_cycles
        return cls(*(np.asarray(a, np.int64) for a in (compute_cycles, weight_bits, activation_bits, output_bits,
                                                       loads)))

    @classmethod
    def joined(cls, parts: Sequence["Tiles"]) -> Self:
        """One after the other."""
        return cls(*(np.concatenate([np.zeros(0, np.int64), *(getattr(p, f.name) for p in parts)])
                     for f in fields(cls)))

    def __len__(self) -> int:
        return len(self.compute_cycles)

    def without_resident(self, weights: bool, activations: bool) -> "Tiles":
        """Without the traffic of what is resident: weights, or activations (inputs and outputs)."""
        zeros = np.zeros(len(self), np.int64)
        return replace(self, weight_bits=zeros if weights else self.weight_bits,
                       activation_bits=zeros if activations else self.activation_bits,
                       output_bits=zeros if activations else self.output_bits)

    def to_lists(self) -> dict[str, list[int]]:
        """The arrays by name, as lists."""
        return {f.name: getattr(self, f.name).tolist() for f in fields(self)}
