"""Fixed-width fields in a bit array: one bool per bit, most significant bit of a field first."""

import numpy as np

from accelsim.errors import TraceError


def width_of(positions: int) -> int:
    """Bits that tell `positions` positions apart; 0 when there is one alone."""
    return max(0, positions - 1).bit_length()


def pack(numbers: np.ndarray, width: int) -> np.ndarray:
    """`numbers` (any integers; their low `width` bits count) as bits, in order."""
    numbers = np.asarray(numbers).reshape(-1)
    bits = np.empty((numbers.size, width), bool)
    for position in range(width):
        bits[:, position] = (numbers >> (width - 1 - position)) & 1
    return bits.reshape(-1)


class Reader:
    """Takes fields off a bit array from its start. Raises TraceError when it holds too few bits."""

    def __init__(self, bits: np.ndarray, what: str) -> None:
        self._bits = np.asarray(bits, bool).reshape(-1)
        self._next = 0
        self._what = what

    @property
    def left(self) -> int:
        """Bits not yet taken."""
        return self._bits.size - self._next

    def take(self, count: int, width: int) -> np.ndarray:
        """The next `count` fields of `width` bits, int64 and not negative."""
        if count * width > self.left:
            raise self.broken(f"{count} fields of {width} bits are wanted, {self.left} bits are left")
        fields = self._bits[self._next:self._next + count * width].reshape(count, width)
        self._next += count * width
        numbers = np.zeros(count, np.int64)
        for position in range(width):
            numbers <<= 1
            numbers |= fields[:, position]
        return numbers

    def rest(self, width: int) -> int:
        """How many fields of `width` bits are left; they must use up every bit."""
        if width == 0 or self.left % width:
            raise self.broken(f"{self.left} bits are left, not a whole number of entries of {width} bits")
        return self.left // width

    def end(self) -> None:
        """Every bit must have been taken."""
        if self.left:
            raise self.broken(f"{self.left} bits are left over")

    def broken(self, why: str) -> TraceError:
        """The error of bits that do not decode."""
        return TraceError(f"these bits are no {self._what} matrix of this shape: {why}; encode the matrix again")
