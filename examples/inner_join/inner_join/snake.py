"""A policy for EIE from outside: rows by descending weight, dealt to and fro, as teams are picked fairly."""

import numpy as np


def snake(matrix: np.ndarray, pes: int) -> np.ndarray:
    """pe_of_row[rows]: the pes heaviest rows go to PE 0, 1, ..., the next ones to PE pes - 1, pes - 2, ..."""
    order = np.argsort(-np.count_nonzero(matrix, axis=1), kind="stable")
    turn, place = np.divmod(np.arange(len(matrix)), pes)
    pe_of_row = np.empty(len(matrix), np.int64)
    pe_of_row[order] = np.where(turn % 2 == 0, place, pes - 1 - place)
    return pe_of_row
