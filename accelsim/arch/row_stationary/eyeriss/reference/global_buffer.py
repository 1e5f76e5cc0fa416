"""The global buffer's banks for partial sums: what waits from one step of the reduction to the next."""

from accelsim.errors import ModelError

Address = tuple[int, int, int, int]  # group, filter, item, output column


class PsumBanks:
    """Holds `capacity` partial sums."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.reads = self.writes = 0
        self._sums: dict[Address, int] = {}

    def write(self, address: Address, psum: int) -> None:
        """Raises ModelError when the banks are full."""
        if len(self._sums) == self.capacity:
            raise ModelError(f"the global buffer holds {self.capacity:,} partial sums and got one more; "
                             "the mapping is not legal")
        self._sums[address] = psum
        self.writes += 1

    def read(self, address: Address) -> int:
        """A sum that will not be asked for again before it is written anew."""
        self.reads += 1
        return self._sums.pop(address)
