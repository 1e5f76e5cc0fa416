"""EIE's layers as tiles for the memory timeline: what the SRAMs of the PEs hold, and what each vector moves.

Rules: docs/machines/eie.md, "DRAM". Everything here is our assumption: the paper starts with all weights on chip.
"""

import numpy as np

from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.arch.broadcast.shared.fast.encoding import Encoded
from accelsim.hw.memory.sram import Sram
from accelsim.hw.memory.tiles import Tiles
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct

ACTIVATION_BITS, POINTER_BITS, CODEBOOK_VALUE_BITS = 16, 16, 16  # [paper]: 16-bit fixed point and pointers


def column_blocks(layer: Layer, encoded: Encoded, config: EieConfig) -> np.ndarray:
    """first_column[block]: as many columns in each as every PE's SRAMs hold at once.

    Raises CapacityError when one column of one PE exceeds them.
    """
    first_entry, last = encoded.first_entry, _last_address(encoded)
    columns, entry_bits = len(first_entry), config.weight_bits + config.index_bits
    matrix_sram = Sram("its SRAM (spmat_kbytes)", int(config.spmat_kbytes * 8192), config.spmat_width_bits)
    pointer_sram = Sram("its SRAM (pointer_kbytes)", int(config.pointer_kbytes * 8192), POINTER_BITS, banks=2)
    pointer_sram.require(layer.name, "two pointers of a PE", 2 * POINTER_BITS, "raise pointer_kbytes")
    room, pointers = matrix_sram.words(entry_bits), pointer_sram.words(POINTER_BITS)
    if (last <= room).all() and columns + 1 <= pointers:
        return np.zeros(1, np.int64)
    addresses = np.concatenate([first_entry, last], dtype=np.int64).T.copy()  # [pe, column + 1]
    blocks = [0]
    while True:
        begin = blocks[-1]
        most = int((addresses[:, begin + 1] - addresses[:, begin]).max())
        matrix_sram.require(layer.name, f"column {begin} of a PE", most * entry_bits,
                            "raise spmat_kbytes or pes, or choose a policy that spreads the rows")
        ends = [int(np.searchsorted(a, a[begin] + room, side="right")) - 1 for a in addresses]
        end = min(begin + pointers - 1, *ends)
        if end >= columns:
            return np.array(blocks, np.int64)
        blocks.append(end)


def _last_address(encoded: Encoded) -> np.ndarray:
    """Entries of each PE, int64 [1, pe]."""
    return encoded.first_entry[-1:].astype(np.int64) + encoded.entries[-1:]


def product_tiles(layer: Layer, index: int, product: MatrixProduct, encoded: Encoded, first_column: np.ndarray,
                  cycles: np.ndarray, config: EieConfig) -> Tiles:
    """The tiles of product `index`: one per vector and block, cycles[vector, block]."""
    shape = cycles.shape
    weights, activations, outputs = (np.zeros(shape, np.int64) for _ in range(3))
    pes = encoded.entries.shape[1]
    begins = encoded.first_entry[first_column].astype(np.int64)
    stored = np.diff(begins, axis=0, append=_last_address(encoded)).sum(axis=1)
    columns = np.diff(first_column, append=len(encoded.entries))
    block_bits = stored * (config.weight_bits + config.index_bits) + (columns + 1) * POINTER_BITS * pes
    if shape[1] == 1:
        weights[:1] = block_bits  # all of it stays for the other vectors
    else:
        weights[:] = block_bits
    if index == 0:
        weights[0, 0] += (1 << config.weight_bits) * CODEBOOK_VALUE_BITS
    if isinstance(layer, Conv2d):
        images = layer.activation.shape[0]
        plane = layer.activation[0].size // layer.groups
        activations[::shape[0] // images, 0] = plane * ACTIVATION_BITS
    else:
        activations[:, 0] = product.vectors.shape[1] * ACTIVATION_BITS
    outputs[:, -1] = len(product.matrix) * ACTIVATION_BITS
    return Tiles.of(cycles.ravel(), weights.ravel(), activations.ravel(), outputs.ravel())
