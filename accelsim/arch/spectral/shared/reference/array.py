"""The multipliers: P' x N' of them work through a schedule in lock-step, each at most one complex product a cycle."""

from collections import Counter

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.spectral.shared.config import SpectralConfig
from accelsim.arch.spectral.shared.reference.planes import Group
from accelsim.arch.spectral.shared.reference.transform import KeptKernel, transformed_back
from accelsim.arch.spectral.shared.schedule import Schedule, checked_schedule


class Multipliers:
    """For one group of a layer: schedules and spectra as they are needed, sums until they are transformed back."""

    def __init__(self, group: Group, config: SpectralConfig, policy: Policy, stalls: Counter[str],
                 counts: Counter[str]) -> None:
        self.group, self.config, self.policy = group, config, policy
        self.stalls, self.counts = stalls, counts
        self.spectra: dict[tuple[int, int], np.ndarray] = {}  # of (tile, channel)
        self.sums: dict[tuple[int, int], np.ndarray] = {}  # of (tile, kernel)
        self.work = np.zeros((config.parallel_tiles, config.parallel_kernels), np.int64)  # entries of each multiplier
        self.tables: dict[tuple[range, int], tuple[list[KeptKernel], Schedule]] = {}

    def load_tiles(self, tiles: range, channel: int) -> None:
        """Their spectra go to all copies."""
        self.counts["input_loads"] += 1
        for tile in tiles:
            self.spectra[tile, channel] = self.group.spectrum(tile, channel)
            self.counts["fft_tiles"] += 1
            self.counts["replica_writes"] += self.config.fft_size ** 2 * self.config.copies

    def load_kernels(self, kernels: range, channel: int) -> int:
        """Rows of the schedule that are loaded."""
        self.counts["kernel_loads"] += 1
        return len(self._table(kernels, channel)[1])

    def _table(self, kernels: range, channel: int) -> tuple[list[KeptKernel], Schedule]:
        if (kernels, channel) not in self.tables:
            kept = [self.group.kernel(kernel, channel) for kernel in kernels]
            sets = [sorted(kernel.values) for kernel in kept]
            self.tables[kernels, channel] = kept, checked_schedule(self.policy, sets, self.config.ports)
        return self.tables[kernels, channel]

    def step(self, tiles: range, kernels: range, channel: int) -> int:
        """A run through the schedule; its cycles."""
        kept, schedule = self._table(kernels, channel)
        self.counts["runs"] += 1
        for row in schedule:
            self._tick(tiles, kernels, channel, kept, dict(row))
        return len(schedule)

    def _tick(self, tiles: range, kernels: range, channel: int, kept: list[KeptKernel], row: dict[int, int]) -> None:
        self.counts["hadamard_cycles"] += 1
        self.counts["index_rows_read"] += 1
        self.counts["values_read"] += len(kernels)
        for lane in range(self.config.parallel_tiles):
            if lane >= len(tiles):
                self.stalls["idle_tile"] += self.config.parallel_kernels
                continue
            tile = tiles[lane]
            live_tile = bool(self.group.inputs(tile, channel).any())
            self.counts["replica_reads"] += len(set(row.values()))
            for slot in range(self.config.parallel_kernels):
                if slot >= len(kernels):
                    self.stalls["idle_kernel"] += 1
                elif slot not in row:
                    self.stalls["bubble"] += 1
                else:
                    place = row[slot]
                    self.work[lane, slot] += 1
                    useful = live_tile and place in kept[slot].live
                    self.stalls["busy" if useful else "zero_operand"] += 1
                    self._accumulate(tile, kernels[slot], place,
                                     self.spectra[tile, channel][place] * kept[slot].values[place])

    def _accumulate(self, tile: int, kernel: int, place: int, product: complex) -> None:
        self.counts["complex_multiplies"] += 1
        self.counts["psum_updates"] += 1
        self.sums.setdefault((tile, kernel), np.zeros(self.config.fft_size ** 2, complex))[place] += product

    def write_back(self, tiles: range, kernels: range) -> None:
        """Inverse transforms, whose real parts are added into the output planes."""
        size = self.config.fft_size
        for tile in tiles:
            for kernel in kernels:
                sums = self.sums.pop((tile, kernel), np.zeros(size * size, complex))
                self.group.add(tile, kernel, transformed_back(sums.reshape(size, size)).real)
                self.counts["ifft_tiles"] += 1
                self.counts["overlap_adds"] += size * size
