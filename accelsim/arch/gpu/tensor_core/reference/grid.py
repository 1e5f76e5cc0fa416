"""The grid of CTAs of one layer, and the blocks its steps copy.

Source: docs/machines/tensor_core.md, section Tiles.
"""

from dataclasses import dataclass

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.reference.blocks import OperandBlock, OperandFormat
from accelsim.arch.gpu.tensor_core.reference.operands import GemmOperands
from accelsim.arch.gpu.tensor_core.reference.tiles import ProblemShape, choose, slice_steps


@dataclass(frozen=True)
class Cta:
    """One tile of one product's output, over the steps of one slice of K; rows and cols are the real ones."""

    product: int
    slice: int
    tile_row: int
    tile_col: int
    rows: range
    cols: range
    steps: range


@dataclass(frozen=True)
class StepBlocks:
    """What one step of a CTA copies, and the k values of K it covers."""

    a: OperandBlock
    b: OperandBlock
    k: range


class CtaGrid:
    """A layer's operands, cut up."""

    def __init__(self, layer_name: str, operands: GemmOperands, config: TensorCoreConfig) -> None:
        """Chooses the tile. Raises UnsupportedLayerError when none fits."""
        (m, k), n = operands.a[0].shape, len(operands.b[0])
        self.operands, self.config = operands, config
        self.shape = ProblemShape(len(operands.a), m, n, k)
        self.form = OperandFormat.of(operands.runs, config)
        self.tile = choose(layer_name, self.shape, self.form, config)
        self.warps = self.tile.warps(config)
        self.occupancy = self.tile.occupancy(self.form, config)
        steps = -(-k // self.tile.k)
        self.slices = slice_steps(steps, min(config.split_k, steps))
        self.ctas = self._ctas()
        self._encoded: dict[tuple[str, int, int, int], OperandBlock] = {}

    @property
    def chain_cycles(self) -> int:
        """From a step's start to the sum of its last instruction, which needs those of all before (not by bitmaps)."""
        inner_steps = 0 if self.form.runs == "dual_side" else self.tile.inner_steps(self.form, self.config)
        return int(inner_steps * self.config.mma_latency_cycles)

    def _ctas(self) -> list[Cta]:
        """In the order in which they start: columns in groups, within a group row by row."""
        tile, shape, width = self.tile, self.shape, self.config.swizzle
        tile_rows, tile_cols = -(-shape.m // tile.m), -(-shape.n // tile.n)
        return [Cta(product, number, row, col, _part(row, tile.m, shape.m), _part(col, tile.n, shape.n), steps)
                for product in range(shape.products)
                for number, steps in enumerate(self.slices)
                for first_col in range(0, tile_cols, width)
                for row in range(tile_rows)
                for col in range(first_col, min(first_col + width, tile_cols))]

    def step_blocks(self, cta: Cta, step: int) -> StepBlocks:
        """The real values of a step, encoded once for all CTAs that copy them."""
        k = _part(step, self.tile.k, self.shape.k)
        return StepBlocks(self._block("A", cta.product, cta.tile_row, cta.rows, step, k),
                          self._block("B", cta.product, cta.tile_col, cta.cols, step, k), k)

    def _block(self, operand: str, product: int, tile_index: int, rows: range, step: int, k: range) -> OperandBlock:
        name = operand, product, tile_index, step
        if name not in self._encoded:
            whole, encode = ((self.operands.a, self.form.encode_a) if operand == "A"
                             else (self.operands.b, self.form.encode_b))
            self._encoded[name] = encode(whole[product][rows.start:rows.stop, k.start:k.stop])
        return self._encoded[name]


def _part(number: int, size: int, extent: int) -> range:
    """What of tile or step `number` lies inside the extent."""
    return range(number * size, min((number + 1) * size, extent))
