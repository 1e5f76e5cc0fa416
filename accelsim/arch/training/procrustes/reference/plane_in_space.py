"""`pq`: all PEs hold the same weights, each another piece of the output plane."""

from collections import Counter

import numpy as np

from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.procrustes.reference.balance import Share
from accelsim.arch.training.procrustes.reference.loops import Loops
from accelsim.arch.training.procrustes.reference.sets import WeightSet
from accelsim.arch.training.procrustes.reference.tiling import PeTiling
from accelsim.arch.training.procrustes.reference.traffic import PassTraffic
from accelsim.arch.training.procrustes.reference.values import Tensors


class PlaneInSpace:
    """The array in one pass. Stalls are PE-cycles."""

    def __init__(self, loops: Loops, tiling: PeTiling, config: ProcrustesConfig, phase: str, tensors: Tensors) -> None:
        self.loops, self.phase, self.tensors = loops, phase, tensors
        self.stalls: Counter[str] = Counter()
        self.products = np.zeros((config.pe_rows, config.pe_cols), np.int64)  # of each PE
        self._row_patches = _patches(loops.rows.outputs, tiling.words.p, config.pe_rows)
        self._col_patches = _patches(loops.cols.outputs, tiling.words.q, config.pe_cols)

    def walk(self, one: WeightSet, share: Share, traffic: PassTraffic) -> tuple[int, int]:
        """All waves of a set. Returns its cycles and how many PEs hold sums of the same weight."""
        cycles, holders = 0, set[tuple[int, int]]()
        for image in range(self.loops.images):
            for pe_rows in self._row_patches:
                for pe_cols in self._col_patches:
                    active = {(i, j) for i, rows in enumerate(pe_rows) for j, cols in enumerate(pe_cols)
                              if len(rows) * len(cols) > 0}
                    traffic.wave(one, len(active))
                    cycles += self._wave(share, image, pe_rows, pe_cols)
                    holders |= active
        return cycles, len(holders)

    def _wave(self, share: Share, image: int, pe_rows: list[range], pe_cols: list[range]) -> int:
        """One patch: every PE multiplies every weight at each of its positions."""
        weights = share.weights[0]
        patch_rows, patch_cols = (range(pes[0].start, pes[-1].stop) for pes in (pe_rows, pe_cols))
        for weight in weights:  # at once in all PEs: together they have the patch
            made = self.tensors.multiply(self.phase, weight, range(image, image + 1), patch_rows, patch_cols)
            self.stalls["busy" if weight.value != 0 else "ineffectual"] += made
        products = [len(weights) * len(rows) * len(cols) for rows in pe_rows for cols in pe_cols]
        slowest = max(products)
        self.products += np.reshape(products, self.products.shape)
        for n in products:
            self.stalls["barrier" if n > 0 else "unused"] += slowest - n
        return slowest


def _patches(outputs: int, size: int, pes: int) -> list[list[range]]:
    """outputs[patch][pe]: `size` neighbouring positions for each PE, patch after patch, clipped to the plane."""
    return [[range(min(first + pe * size, outputs), min(first + (pe + 1) * size, outputs)) for pe in range(pes)]
            for first in range(0, outputs, pes * size)]
