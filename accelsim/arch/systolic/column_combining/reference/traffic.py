"""What a product fetches and writes back, tile by tile. Rules: docs/machines/column_combining.md, DRAM."""

from accelsim.arch.systolic.column_combining.config import ColumnCombiningConfig
from accelsim.arch.systolic.column_combining.reference.packing import PackedWeights
from accelsim.parts.ledger import Ledger
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer


class PackedTraffic:
    """The ledger has a line for each tile begun."""

    def __init__(self, layer: Layer, weights: PackedWeights, vectors: int, config: ColumnCombiningConfig) -> None:
        self.layer, self.weights, self.vectors, self.config = layer, weights, vectors, config
        self.ledger = Ledger()
        self.passes = 0
        self.there: set[int] = set()  # channels
        self.first_pass_bits = 0

    def begin_pass(self) -> None:
        """A column tile begins."""
        room = self.config.data_sram_kbytes
        self.passes += 1
        self.fetches = self.passes == 1 or (room is not None and self.first_pass_bits > room * 8192)
        self.there.clear()

    def begin(self, held: range, passed: range, inputs: range) -> None:
        """A tile of these packed rows and groups begins."""
        line = self.ledger.begin()
        line.held_bits = len(held) * len(inputs) * self.config.cell_bits
        if self.fetches:
            columns = [column for group in inputs for column in self.weights.groups[group]]
            line.passed_bits = self._inputs(columns) * self.config.activation_bits
            self.first_pass_bits += line.passed_bits * (self.passes == 1)

    def _inputs(self, columns: list[int]) -> int:
        """Words that come for these columns of the matrix."""
        if not isinstance(self.layer, Conv2d):
            return self.vectors * len(columns)
        images, _, height, width = self.layer.activation.shape
        taps = self.layer.weight.shape[2] * self.layer.weight.shape[3]
        new = {column // taps for column in columns} - self.there
        self.there |= new
        return len(new) * images * height * width

    def write(self, tile: int) -> None:
        """An output of the tile of this number leaves."""
        self.ledger.lines[tile].output_bits += self.config.activation_bits

    def end(self, filters: int) -> None:
        """The outputs of filters without a weight leave with the last tile."""
        line = self.ledger.now if self.ledger.lines else self.ledger.begin()
        line.output_bits += self.vectors * (filters - len(self.weights.rows)) * self.config.activation_bits
