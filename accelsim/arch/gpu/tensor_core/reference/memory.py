"""From DRAM through the L2 and an SM's port into shared memory.

Source: docs/machines/tensor_core.md, sections L2 contents, Transfer and DRAM.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import simpy

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.reference.pipe import Pipe
from accelsim.hw.memory.dram import channel_of
from accelsim.hw.memory.tiles import LayerMemory


class L2Contents:
    """Which blocks are in L2, the least recently used first, and the event of each block's data arriving there."""

    def __init__(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self.blocks: OrderedDict[Hashable, tuple[int, simpy.Event]] = OrderedDict()

    def use(self, name: Hashable) -> simpy.Event:
        """The event of the data of a block in L2, which is now the most recently used."""
        self.blocks.move_to_end(name)
        return self.blocks[name][1]

    def insert(self, name: Hashable, size_bytes: int, filled: simpy.Event) -> None:
        """Make room: the least recently used leave. A block larger than the L2 empties it and is not kept."""
        while self.blocks and self.used_bytes + size_bytes > self.capacity_bytes:
            _, (freed_bytes, _) = self.blocks.popitem(last=False)
            self.used_bytes -= freed_bytes
        if size_bytes > self.capacity_bytes:
            return
        self.blocks[name] = size_bytes, filled
        self.used_bytes += size_bytes


@dataclass(frozen=True)
class DramTiming:
    """Bytes per cycle, what a miss adds, and the bytes of which a transfer has a whole number."""

    bytes_per_cycle: Fraction
    latency_cycles: int
    burst_bytes: int

    @classmethod
    def of(cls, config: TensorCoreConfig) -> "DramTiming":
        """That of `dram`, or of the design's own two keys."""
        if config.dram is None:
            return cls(Fraction(config.dram_bytes_per_cycle), config.dram_latency_cycles, 1)
        channel = channel_of(config.dram, config.clock_mhz)
        bits_per_cycle = Fraction(channel.cycle_ticks, channel.bit_ticks)
        return cls(bits_per_cycle / 8, channel.latency_cycles, channel.burst_bits // 8)

    def in_bursts(self, size_bytes: int) -> int:
        """Bytes moved for `size_bytes`."""
        return math.ceil(Fraction(size_bytes, self.burst_bytes)) * self.burst_bytes


class MemoryPath:
    """DRAM, L2 and the ports of all SMs."""

    def __init__(self, env: simpy.Environment, config: TensorCoreConfig, counts: Counter[str]) -> None:
        self.env, self.config, self.counts = env, config, counts
        self.dram = DramTiming.of(config)
        self.channel = Pipe(env, self.dram.bytes_per_cycle)
        self.missed_bytes = self.written_bytes = 0
        self.l2 = Pipe(env, config.l2_bytes_per_cycle)
        self.ports = [Pipe(env, config.port_bytes_per_cycle) for _ in range(config.sms)]
        self.contents = L2Contents(config.l2_bytes)

    def transfer(self, name: Hashable, payload: np.ndarray, size_bytes: int, l2_share: Fraction, sm: int,
                 deliver: Callable[[np.ndarray], None]) -> simpy.Event:
        """Book one block in this cycle; the event fires, with its cycle as value, when it has been delivered.

        l2_share: bytes in L2 and DRAM per byte transferred.
        """
        if name in self.contents.blocks:
            filled = self.contents.use(name)
        else:
            size_in_l2 = math.ceil(size_bytes * l2_share)
            filled = self.env.process(self._fill(self.channel.book(self.dram.in_bursts(size_in_l2))))
            self.contents.insert(name, size_in_l2, filled)
            self.counts["dram_read_bytes"] += self.dram.in_bursts(size_in_l2)
            self.missed_bytes += size_in_l2
        self.counts["l2_read_bytes"] += size_bytes
        on_the_way = [filled, self.l2.book(size_bytes), self.ports[sm].book(size_bytes)]
        return self.env.process(self._arrive(on_the_way, payload, deliver))

    def _fill(self, read: simpy.Event) -> Generator[simpy.Event, Any, None]:
        yield read
        yield self.env.timeout(self.dram.latency_cycles)

    def _arrive(self, on_the_way: list[simpy.Event], payload: np.ndarray,
                deliver: Callable[[np.ndarray], None]) -> Generator[simpy.Event, Any, int]:
        yield self.env.all_of(on_the_way)
        yield self.env.timeout(self.config.l2_latency_cycles)
        deliver(payload)
        return int(self.env.now)

    def write(self, size_bytes: int, sm: int) -> simpy.Event:
        """Book a write of results; the event fires when L2 and port have taken it. DRAM gets it behind all reads."""
        self.written_bytes += size_bytes
        return self.env.all_of([self.l2.book(size_bytes), self.ports[sm].book(size_bytes)])

    @property
    def written_back_cycles(self) -> int:
        """The cycle before which the DRAM cannot have read all misses and taken the results that L2 cannot hold."""
        overflow_bytes = self.dram.in_bursts(max(0, self.written_bytes - self.config.l2_bytes))
        return math.ceil((self.counts["dram_read_bytes"] + overflow_bytes) / self.dram.bytes_per_cycle)

    def account(self) -> LayerMemory:
        """What `dram` did; the waits are the SMs' own."""
        return LayerMemory({}, {"dram_read_bits": 8 * self.missed_bytes, "dram_write_bits": 8 * self.written_bytes},
                           self.written_back_cycles)
