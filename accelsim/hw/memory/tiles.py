"""The input of the memory timeline, layers cut into tiles by their machine; and what memory adds to a layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np

Values = Sequence[int] | np.ndarray
STALLS = ("memory_weights", "memory_activations", "memory_writeback")  # waits of the whole machine, by what is missing


@dataclass(frozen=True)
class LayerMemory:
    """What memory adds to one layer: waiting cycles by stall, counts, and how long the channel moves its data."""

    wait_cycles: Mapping[str, int]
    counts: Mapping[str, int]
    channel_cycles: int


class MayStay(NamedTuple):
    """What of a layer the machine's buffers can hold for good, when the design says that it is resident."""

    weights: bool = True
    inputs: bool = True
    outputs: bool = True


EVERYTHING = MayStay()
ARRAYS = ("compute_cycles", "weight_bits", "activation_bits", "output_bits", "load_cycles")


@dataclass(frozen=True)
class Tiles:
    """Tiles in order of execution, five int64 arrays [tile].

    compute_cycles: cycles of the machine when all data are present; they add up to the layer's cycles.
    weight_bits, activation_bits: what the tile fetches from DRAM before it can compute; output_bits: what it writes
    back: exact bits in the machine's compressed form, metadata included. What an earlier tile left on chip is 0 here.
    load_cycles: the first of compute_cycles, in which weights flow from DRAM straight to where they are used; 0 where
    they come to a buffer before.
    may_stay: what need not move at all where the design keeps weights or activations on chip; the engines say what
    fits, the memory timeline decides.
    """

    compute_cycles: np.ndarray
    weight_bits: np.ndarray
    activation_bits: np.ndarray
    output_bits: np.ndarray
    load_cycles: np.ndarray
    may_stay: MayStay = field(default=EVERYTHING, kw_only=True)

    @classmethod
    def of(cls, compute_cycles: Values, weight_bits: Values, activation_bits: Values, output_bits: Values,
           load_cycles: Values | None = None, *, may_stay: MayStay = EVERYTHING) -> Self:
        """From anything that numpy makes int64 arrays of."""
        loads = np.zeros(len(compute_cycles), np.int64) if load_cycles is None else load_cycles
        return cls(*(np.asarray(a, np.int64) for a in (compute_cycles, weight_bits, activation_bits, output_bits,
                                                       loads)), may_stay=may_stay)

    @classmethod
    def joined(cls, parts: Sequence["Tiles"]) -> Self:
        """One after the other; what stays is what may stay of each."""
        arrays = (np.concatenate([np.zeros(0, np.int64), *(getattr(p, name) for p in parts)]) for name in ARRAYS)
        return cls(*arrays, may_stay=MayStay(*(all(p.may_stay[i] for p in parts) for i in range(len(MayStay._fields)))))

    def __len__(self) -> int:
        return len(self.compute_cycles)

    def moved(self, resident_weights: bool, resident_activations: bool) -> "Tiles":
        """What is left to move on a design that keeps weights, or activations (inputs and outputs), on chip."""
        zeros = np.zeros(len(self), np.int64)
        weights, inputs, outputs = self.may_stay
        return replace(self, weight_bits=zeros if resident_weights and weights else self.weight_bits,
                       activation_bits=zeros if resident_activations and inputs else self.activation_bits,
                       output_bits=zeros if resident_activations and outputs else self.output_bits)

    def to_lists(self) -> dict[str, list[int]]:
        """The arrays by name, as lists."""
        return {name: getattr(self, name).tolist() for name in ARRAYS}
