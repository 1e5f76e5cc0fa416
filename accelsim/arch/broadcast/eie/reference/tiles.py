"""The tiles of EIE's reference, from the PE memories and what the scanner did. Rules: docs/machines/eie.md, "Tiles"."""

from typing import Any, NamedTuple

from accelsim.arch.broadcast.shared.reference.encode import EncodedMatrix, PeMemory
from accelsim.errors import CapacityError
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct

Columns = list[int]


class TileRow(NamedTuple):
    """One tile; the fields are those of `Tiles`."""

    compute_cycles: int
    weight_bits: int
    activation_bits: int
    output_bits: int


def column_blocks(layer: Layer, product: MatrixProduct, encoded: EncodedMatrix, config: Any) -> list[Columns]:
    """Columns of each block, filled one by one. Raises CapacityError when one column exceeds a PE."""
    columns = list(range(product.matrix.shape[1]))
    if product.bias is not None:
        columns.append(len(encoded.memories[0].pointers) - 2)
    if config.dram is None or config.resident_weights:
        return [columns]
    blocks: list[Columns] = [[]]
    for column in columns:
        if blocks[-1] and not all(fits(memory, [*blocks[-1], column], config) for memory in encoded.memories):
            blocks.append([])
        for memory in encoded.memories:
            if not fits(memory, [column], config):
                raise CapacityError(f"layer {layer.name!r}: column {column} needs {entries(memory, [column])} entries "
                                    "in one PE, which do not fit; raise spmat_kbytes")
        blocks[-1].append(column)
    return blocks


def fits(memory: PeMemory, columns: Columns, config: Any) -> bool:
    """Do the entries and the pointers of `columns` fit one PE?"""
    entry_bits = config.weight_bits + config.index_bits
    return (entries(memory, columns) * entry_bits <= config.spmat_kbytes * 8192
            and (len(columns) + 1) * 16 <= config.pointer_kbytes * 8192)


def entries(memory: PeMemory, columns: Columns) -> int:
    """Stored entries, padding included."""
    return sum(memory.pointers[column + 1] - memory.pointers[column] for column in columns)


def vector_tiles(layer: Layer, product: MatrixProduct, encoded: EncodedMatrix, blocks: list[Columns], machine: Any,
                 config: Any, place: tuple[int, int]) -> list[TileRow]:
    """The tiles of one finished vector run; place: number of the product, and of the vector in it."""
    begins = [0] + [next((time for time, column in machine.scanner.pushed if column >= block[0]), machine.cycles)
                    for block in blocks[1:]]
    rows = []
    for block, begin, end in zip(blocks, begins, [*begins[1:], machine.cycles], strict=True):
        first, last = block is blocks[0], block is blocks[-1]
        weights = 0
        if len(blocks) > 1 or place[1] == 0:
            weights = sum(entries(memory, block) * (config.weight_bits + config.index_bits) + (len(block) + 1) * 16
                          for memory in encoded.memories)
        if place == (0, 0) and first:
            weights += 2**config.weight_bits * 16
        rows.append(TileRow(end - begin, weights, input_bits(layer, product, place[1]) if first else 0,
                            len(product.matrix) * 16 if last else 0))
    return rows


def input_bits(layer: Layer, product: MatrixProduct, vector: int) -> int:
    """What vector number `vector` of a product brings in."""
    if layer.op != "conv2d":
        return int(product.vectors.shape[1]) * 16
    images, channels, height, width = layer.activation.shape
    vectors_per_image = len(product.vectors) // images
    if vector % vectors_per_image:
        return 0
    return int(channels // layer.groups * height * width * 16)  # type: ignore[attr-defined]  # a Conv2d


def as_tiles(rows: list[TileRow]) -> Tiles:
    """All tiles of a layer."""
    return Tiles.of(*map(list, zip(*rows, strict=True)))
