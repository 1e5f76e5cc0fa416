"""Storage formats of sparse matrices: exact bit counts, encoders and decoders. One file per format.

    from accelsim.workload import formats
    formats.CATALOGUE["bitmap"].size_bits(matrix)
    formats.sizes(matrix)          # every format of the catalogue
"""

from dataclasses import replace

import numpy as np

from accelsim.workload.formats.balanced import Balanced
from accelsim.workload.formats.base import DoesNotFitError, Format
from accelsim.workload.formats.bitmap import Bitmap
from accelsim.workload.formats.block import Block
from accelsim.workload.formats.block_mask import CompressedSparseBlock
from accelsim.workload.formats.coordinates import Coordinates
from accelsim.workload.formats.csc import Csc
from accelsim.workload.formats.csr import Csr
from accelsim.workload.formats.dense import Dense
from accelsim.workload.formats.eie import EieCsc
from accelsim.workload.formats.eyeriss_v2 import EyerissV2Csc
from accelsim.workload.formats.index_tables import IndexTables
from accelsim.workload.formats.lanes import SharedIndex, SparseMap, StepIndex, Zfnaf
from accelsim.workload.formats.matrices import MATRIX_ROLES, matrix_shape
from accelsim.workload.formats.run_length import RunLength
from accelsim.workload.formats.value_runs import EqualRuns, ZeroRuns

__all__ = ["CATALOGUE", "MATRIX_ROLES", "Balanced", "Bitmap", "Block", "CompressedSparseBlock", "Coordinates", "Csc",
           "Csr", "Dense", "DoesNotFitError", "EieCsc", "EqualRuns", "EyerissV2Csc", "Format", "IndexTables",
           "RunLength", "SharedIndex", "SparseMap", "StepIndex", "ZeroRuns", "Zfnaf", "matrix_shape", "sizes"]

# What tables compare, by the name they show; parameters chosen from the data are part of the counted bits.
CATALOGUE: dict[str, Format] = {
    "dense": Dense(),
    "bitmap": Bitmap(),
    "run_length": RunLength(),
    "coo": Coordinates(),
    "csr": Csr(),
    "csc": Csc(),
    "block_4x4": Block(),
    "n_of_4": Balanced(m=4),
    "n_of_16": Balanced(m=16),
    "csb": CompressedSparseBlock(),
    "eie_csc": EieCsc(),
    "eyeriss_v2_csc": EyerissV2Csc(),
    "zfnaf": Zfnaf(),
    "step_index": StepIndex(),
    "shared_index": SharedIndex(),
    "sparse_map": SparseMap(),
    "equal_runs": EqualRuns(),
    "zero_runs": ZeroRuns(),
    "index_tables": IndexTables(),
}


def sizes(matrix: np.ndarray, value_bits: int | None = None, slice_size: int = 1) -> dict[str, int | None]:
    """Bits of `matrix` in every format of the catalogue; None where it does not fit a format's fixed fields.

    value_bits: bits per value (those of the dtype when None). slice_size: positions R*S of a convolution's filter
    slices, which become the blocks of `csb`; 1 for a matrix without them.
    """
    found: dict[str, int | None] = {}
    for name, entry in CATALOGUE.items():
        chosen = replace(entry, value_bits=value_bits)
        if isinstance(chosen, CompressedSparseBlock) and slice_size > 1:
            chosen = replace(chosen, block=(1, slice_size))
        try:
            found[name] = chosen.size_bits(matrix)
        except DoesNotFitError:
            found[name] = None
    return found
