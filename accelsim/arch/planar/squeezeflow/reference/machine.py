"""The plane of PEs: every cycle, each PE does one thing, on real values."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.planar.squeezeflow.config import SqueezeFlowConfig
from accelsim.arch.planar.squeezeflow.reference.tiles import OutputTile, height, met_positions, spans
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.planar import Planar, PlanarAxis, from_images, planar

STALLS = ("busy", "zero_input", "padding", "empty_kernel", "fill", "write_back", "outside_tile")
COUNTS = ("macs", "multiplies", "weights_broadcast", "kernels_run", "kernels_skipped", "weight_entries", "input_words",
          "neighbour_moves", "output_writes")
Weight = tuple[int, int, int]  # tap row, tap column, value


class PePlane:
    """A machine that runs one layer, once."""

    def __init__(self, conv: Planar[PlanarAxis], config: SqueezeFlowConfig, tiles: list[OutputTile]) -> None:
        self.conv, self.config, self.tiles = conv, config, tiles
        self.cycles = 0
        self.stalls, self.counts = Counter[str](), Counter[str]()
        self.work = np.zeros((config.tile_rows, config.tile_cols), np.int64)
        self.output = np.zeros((conv.images, conv.filters, conv.rows.outputs, conv.cols.outputs), np.int64)
        self.zero_input_tiles = 0
        self.ends: list[int] = []  # cycle in which each (image, tile) is done

    def run(self) -> None:
        for image in range(self.conv.images):
            for tile in self.tiles:
                self.zero_input_tiles += sum(not tile.plane(channel).any() for channel in self.conv.activation[image])
                for number in range(self.conv.filters):
                    self._filter(image, tile, number)
                self.ends.append(self.cycles)

    def _filter(self, image: int, tile: OutputTile, number: int) -> None:
        per_group = self.conv.weight.shape[1]
        first = number // (self.conv.filters // self.conv.groups) * per_group
        sums = np.full((tile.rows.size, tile.cols.size), self.conv.bias[number])
        kernels = [(first + c, self._weights(image, tile, number, first, c)) for c in range(per_group)]
        if not self.config.hide_fill and any(weights is not None and self._cycles(weights) for _, weights in kernels):
            self._wait(tile, "fill", (self.conv.cols.taps - 1) * tile.rows.size)
        for channel, weights in kernels:
            if weights is None or not self._cycles(weights):
                self.counts["kernels_skipped"] += 1
                continue
            self.counts["kernels_run"] += 1
            self.counts["input_words"] += tile.words if weights else 0
            for place, weight in enumerate(weights):
                self._broadcast(tile, self.conv.activation[image, channel], weight, sums)
                self.counts["neighbour_moves"] += tile.outputs if place else 0
            self._wait(tile, "empty_kernel", self._cycles(weights) - len(weights))
        if not self.config.hide_write_back:
            self._wait(tile, "write_back", -(-tile.outputs // self.config.port_words))
        self.output[image, number, tile.rows.first:tile.rows.last + 1, tile.cols.first:tile.cols.last + 1] = sums
        self.counts["output_writes"] += tile.outputs

    def _weights(self, image: int, tile: OutputTile, number: int, first: int, c: int) -> list[Weight] | None:
        """The weights that are broadcast for a kernel; None: its input tile is skipped."""
        if self.config.skip_zero_tiles and not tile.plane(self.conv.activation[image, first + c]).any():
            return None
        kernel = self.conv.weight[number, c]
        return [(r, s, int(kernel[r, s])) for r, s in np.ndindex(*kernel.shape) if kernel[r, s]]

    def _cycles(self, weights: list[Weight]) -> int:
        return max(self.config.c_min, len(weights))

    def _pes(self, tile: OutputTile) -> Iterator[tuple[int, int, bool]]:
        """Every PE, and whether it has an output."""
        for row, col in np.ndindex(self.config.tile_rows, self.config.tile_cols):
            yield row, col, row < tile.rows.size and col < tile.cols.size

    def _broadcast(self, tile: OutputTile, channel: np.ndarray, weight: Weight, sums: np.ndarray) -> None:
        rows, cols, (r, s, value) = self.conv.rows, self.conv.cols, weight
        self.counts["weights_broadcast"] += 1
        self.cycles += 1
        for row, col, has_output in self._pes(tile):
            if not has_output:
                self.stalls["outside_tile"] += 1
                continue
            y = (tile.rows.first + row) * rows.stride - rows.padding + r * rows.dilation
            x = (tile.cols.first + col) * cols.stride - cols.padding + s * cols.dilation
            self.work[row, col] += 1
            if not (0 <= y < rows.inputs and 0 <= x < cols.inputs):
                self.stalls["padding"] += 1
                continue
            self.stalls["busy" if channel[y, x] else "zero_input"] += 1
            sums[row, col] += value * channel[y, x]

    def _wait(self, tile: OutputTile, why: str, cycles: int) -> None:
        for _ in range(cycles):
            self.cycles += 1
            for _, _, has_output in self._pes(tile):
                self.stalls[why if has_output else "outside_tile"] += 1


def weight_entries(conv: Planar[PlanarAxis], run_bits: int) -> int:
    """Entries of all filters, filling ones among them."""
    entries, most = 0, (1 << run_bits) - 1
    for filter_weights in conv.weight.reshape(conv.filters, -1):
        zeros = 0
        for value in filter_weights:
            if value == 0:
                zeros += 1
                continue
            while zeros > most:
                entries, zeros = entries + 1, zeros - most - 1
            entries, zeros = entries + 1, 0
    return entries


def run(layer: Layer, config: SqueezeFlowConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    conv = planar(layer, PlanarAxis, "squeezeflow")
    tile_rows = height(policy, conv.rows.outputs, config.tile_rows)
    tile_cols = height(policy, conv.cols.outputs, config.tile_cols)
    tiles = [OutputTile(rows, cols) for rows in spans(conv.rows, tile_rows) for cols in spans(conv.cols, tile_cols)]
    machine = PePlane(conv, config, tiles)
    machine.run()
    entries = weight_entries(conv, config.run_bits)
    products = machine.stalls["busy"] + machine.stalls["zero_input"] + machine.stalls["padding"]
    machine.counts.update(macs=machine.stalls["busy"], multiplies=products,
                          weight_entries=entries * conv.images * len(tiles))
    return LayerRun(machine.cycles, config.tile_rows * config.tile_cols,
                    {name: machine.stalls[name] for name in STALLS}, {name: machine.counts[name] for name in COUNTS},
                    mapping={"tile_rows": tile_rows, "tile_cols": tile_cols, "tiles": len(tiles),
                             "zero_input_tiles": machine.zero_input_tiles},
                    output=from_images(layer, machine.output), tiles=_moved(machine, entries),
                    work=PeWork.of(machine.work, ("busy", "zero_input", "padding")))


def _moved(machine: PePlane, entries: int) -> Tiles:
    conv, config, tiles = machine.conv, machine.config, machine.tiles
    weight_bits = entries * (config.value_bits + config.run_bits)
    once = config.weight_buffer_kbytes is None or weight_bits <= config.weight_buffer_kbytes * 8192
    plane_bits = conv.channels * met_positions(tiles) * config.value_bits
    whole = config.input_buffer_kbytes is None or plane_bits <= config.input_buffer_kbytes * 8192
    weights, inputs, outputs = [], [], []
    for image in range(conv.images):
        for number, tile in enumerate(tiles):
            weights.append(0 if once and (image or number) else weight_bits)
            inputs.append((0 if number else plane_bits) if whole else conv.channels * tile.words * config.value_bits)
            outputs.append(conv.filters * tile.outputs * config.value_bits)
    return Tiles.of(np.diff(machine.ends, prepend=0), weights, inputs, outputs)
