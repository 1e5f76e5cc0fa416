"""Sparse matrices in files: Matrix Market (.mtx), and patterns of the Deep Learning Matrix Collection (.smtx)."""

import math
from pathlib import Path

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.arrays import DECODING

MATRICES = (".mtx", ".smtx")
MAX_POSITIONS = 1 << 30
_SMTX = "wanted three lines: 'rows, columns, non-zeros', the start of each row, the column of each non-zero"
_MTX = "wanted a Matrix Market file, which begins with %%MatrixMarket matrix"


def read_matrix(path: Path) -> np.ndarray:
    """The matrix [rows, columns] as a dense array: float64 values, or bool where the file has a pattern alone.

    Raises RecordError for a damaged file, or a matrix of more than `MAX_POSITIONS`.
    """
    try:
        if not path.is_file():
            raise RecordError(f"{path}: no such file; give the path of a matrix")
        return _smtx(path) if path.suffix == ".smtx" else _mtx(path)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror or error}); give the path of a matrix") from None


def _smtx(path: Path) -> np.ndarray:
    try:
        lines = [line.replace(",", " ").split() for line in path.read_text("ascii").splitlines() if line.strip()]
        head, starts, columns = (np.array(line, np.int64) for line in [*lines, [], [], []][:3])
    except (ValueError, OverflowError) as error:
        raise RecordError(f"{path}: not a readable .smtx file ({str(error)[:120]}); {_SMTX}") from None
    if head.shape != (3,) or len(lines) > 3:
        raise RecordError(f"{path}: not a readable .smtx file ({len(lines)} lines, {head.size} numbers in the first); "
                          f"{_SMTX}")
    rows, cols, nonzeros = map(int, head)
    _check_size(path, rows, cols)
    counts = np.diff(starts)
    fits = (starts.shape == (rows + 1,) and starts[0] == 0 and starts[-1] == nonzeros == columns.size
            and (counts >= 0).all() and (columns.size == 0 or (columns.min() >= 0 and columns.max() < cols)))
    if not fits:
        raise RecordError(f"{path}: {starts.size} row starts and {columns.size} columns are not those of a {rows} x "
                          f"{cols} matrix with {nonzeros} non-zeros; {_SMTX}")
    matrix = np.zeros((rows, cols), bool)
    matrix[np.repeat(np.arange(rows), counts), columns] = True
    if np.count_nonzero(matrix) != nonzeros:
        raise RecordError(f"{path}: a row names a column twice; {_SMTX}")
    return matrix


def _mtx(path: Path) -> np.ndarray:
    """Matrix Market, coordinate or array, as SciPy reads it once its sizes are known to be sane."""
    from scipy.io import mminfo, mmread

    try:
        rows, cols, entries, _, field, _ = mminfo(path)
        _check_size(path, rows, cols)
        if field not in ("real", "integer", "unsigned-integer", "pattern", "double") or entries > rows * cols:
            raise RecordError(f"{path}: {entries:,} entries of the kind {field!r} in {rows} x {cols}, wanted real "
                              f"numbers or a pattern; {_MTX}")
        found = mmread(path, spmatrix=False)
    except DECODING as error:
        raise RecordError(f"{path}: not a readable .mtx file ({str(error)[:120]}); {_MTX}") from None
    matrix = np.asarray(found if isinstance(found, np.ndarray) else found.toarray())
    if not np.isfinite(matrix).all():
        raise RecordError(f"{path}: holds NaN or infinity; clean it first")
    return matrix != 0 if field == "pattern" else matrix.astype(np.float64)


def _check_size(path: Path, rows: int, cols: int) -> None:
    if min(rows, cols) < 1 or math.prod((rows, cols)) > MAX_POSITIONS:
        raise RecordError(f"{path}: a matrix of {rows:,} x {cols:,}, wanted at least 1 x 1 and at most "
                          f"{MAX_POSITIONS:,} positions")
