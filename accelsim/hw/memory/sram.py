"""On-chip buffers: what fits, how many accesses data take, and what conflicts on banks cost."""

from dataclasses import dataclass

import numpy as np
from numba import njit

import accelsim.compile_cache  # noqa: F401  (before numba looks for a place)
from accelsim.errors import CapacityError


@dataclass(frozen=True)
class Sram:
    """A buffer of `banks` equal banks with `ports` ports each; every port serves one word of `width_bits` per cycle."""

    name: str
    bits: int
    width_bits: int
    banks: int = 1
    ports: int = 1

    def words(self, item_bits: int) -> int:
        """Whole items of `item_bits` that fit."""
        return self.bits // item_bits

    def accesses(self, bits: int) -> int:
        """Words that hold `bits` of data, the last one perhaps in part."""
        return -(-bits // self.width_bits)

    def stream_cycles(self, bits: int) -> int:
        """Cycles to move `bits` that are spread evenly over the banks, all ports in use."""
        return -(-self.accesses(bits) // (self.banks * self.ports))

    def conflict_cycles(self, bank_of: np.ndarray) -> int:
        """Cycles beyond one per step for the requests bank_of[step, lane] (-1: no request)."""
        return int(_conflict_cycles(np.asarray(bank_of, np.int64), self.banks, self.ports))

    def require(self, layer: str, what: str, bits: int, levers: str) -> None:
        """CapacityError when `what` of `layer`, which cannot be split further, does not fit; `levers`: the ways out."""
        if bits > self.bits:
            raise CapacityError(f"layer {layer!r}: {what} needs {bits:,} bits, {self.name} holds {self.bits:,} "
                                f"({bits - self.bits:,} too many) and it cannot be split further; {levers}")


@njit(cache=True)
def _conflict_cycles(bank_of, banks, ports):
    extra, load = np.int64(0), np.zeros(banks, np.int64)
    for step in range(bank_of.shape[0]):
        load[:] = 0
        for lane in range(bank_of.shape[1]):
            if bank_of[step, lane] >= 0:
                load[bank_of[step, lane]] += 1
        extra += max(0, (load.max() + ports - 1) // ports - 1)
    return extra
