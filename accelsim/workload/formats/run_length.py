"""Delta or run-length coding with zero padding: the distance from the non-zero before."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.formats import runs
from accelsim.workload.formats.base import Format, as_values, pack_values
from accelsim.workload.formats.fields import Reader, pack

_HEADER_BITS = 4  # run_bits - 1, stored when it was chosen from the data


@dataclass(frozen=True)
class RunLength(Format):
    """Entries (zeros before, value) over the whole matrix in row-major order.

    run_bits: bits of the zero count; where more zeros lie before a value, padding entries of value 0 bridge them.
    None takes the smallest of 1 to 16 for each matrix and stores the choice in 4 bits. Eyeriss v1 uses 5 bits,
    SCNN 4 (per channel block there).
    Source: [Hoefler et al. 2021, storage formats]; [SCNN], [Eyeriss JSSC 2017] for the fixed widths.
    """

    run_bits: int | None = None
    name: ClassVar[str] = "run_length"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("run_bits", self.run_bits, 1, runs.MAX_RUN_BITS, optional=True)

    def _chosen(self, matrix: np.ndarray, value_bits: int) -> tuple[int, int]:
        """(run_bits, bits of all entries)."""
        nonzeros, padding = int(np.count_nonzero(matrix)), runs.padding_by_run_bits(matrix)
        widths = range(1, runs.MAX_RUN_BITS + 1) if self.run_bits is None else (self.run_bits,)
        size, width = min(((nonzeros + int(padding[b])) * (b + value_bits), b) for b in widths)
        return width, size

    def _size(self, matrix: np.ndarray, value_bits: int) -> int:
        return self._chosen(matrix, value_bits)[1] + (_HEADER_BITS if self.run_bits is None else 0)

    def _encode(self, matrix: np.ndarray, value_bits: int) -> list[np.ndarray]:
        run_bits, _ = self._chosen(matrix, value_bits)
        flat = matrix.reshape(-1)
        position = np.flatnonzero(flat)
        coded = runs.entries_of(np.zeros_like(position), position, flat[position], 1, run_bits)
        header = [pack(np.array([run_bits - 1]), _HEADER_BITS)] if self.run_bits is None else []
        return [*header, pack(coded.run, run_bits), pack_values(coded.value, value_bits)]

    def _decode(self, reader: Reader, matrix: np.ndarray, value_bits: int) -> None:
        run_bits = int(reader.take(1, _HEADER_BITS)[0]) + 1 if self.run_bits is None else self.run_bits
        count = reader.rest(run_bits + value_bits)
        run, value = reader.take(count, run_bits), reader.take(count, value_bits)
        _, position, real = runs.positions_of(run, np.array([count]), matrix.size, value, reader)
        matrix.reshape(-1)[position] = as_values(value[real], value_bits, matrix.dtype)
