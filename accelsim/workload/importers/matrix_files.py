"""Sparse matrices in files: Matrix Market (.mtx), and patterns of the Deep Learning Matrix Collection (.smtx)."""

import math
import warnings
from pathlib import Path

import numpy as np

from accelsim.errors import RecordError, reason
from accelsim.workload.importers.arrays import DECODING

MATRICES = (".mtx", ".smtx")
MAX_POSITIONS = 1 << 30
SMTX = "wanted three lines: 'rows, columns, non-zeros', the start of each row, the column of each non-zero"
MTX = "wanted a Matrix Market file, which begins with %%MatrixMarket matrix"


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


def smtx_numbers(path: Path) -> tuple[list[int], np.ndarray, np.ndarray]:
    """(rows, columns and non-zeros), starts of rows, columns; not held against each other."""
    try:
        lines = [line.replace(",", " ").split() for line in path.read_text("ascii").splitlines() if line.strip()]
        head, starts, columns = (np.array(line, np.int64) for line in [*lines, [], [], []][:3])
    except (ValueError, OverflowError) as error:
        raise RecordError(f"{path}: not a readable .smtx file ({reason(error, 120)}); {SMTX}") from None
    if head.shape != (3,) or len(lines) > 3:
        raise RecordError(f"{path}: not a readable .smtx file ({len(lines)} lines, {head.size} numbers in the first); "
                          f"{SMTX}")
    return head.tolist(), starts, columns


def _smtx(path: Path) -> np.ndarray:
    (rows, cols, nonzeros), starts, columns = smtx_numbers(path)
    _check_size(path, rows, cols)
    counts = np.diff(starts)
    fits = (starts.shape == (rows + 1,) and starts[0] == 0 and starts[-1] == nonzeros == columns.size
            and (counts >= 0).all() and (columns.size == 0 or (columns.min() >= 0 and columns.max() < cols)))
    if not fits:
        raise RecordError(f"{path}: {starts.size} row starts and {columns.size} columns are not those of a {rows} x "
                          f"{cols} matrix with {nonzeros} non-zeros; {SMTX}")
    matrix = np.zeros((rows, cols), bool)
    matrix[np.repeat(np.arange(rows), counts), columns] = True
    if np.count_nonzero(matrix) != nonzeros:
        raise RecordError(f"{path}: a row names a column twice; {SMTX}")
    return matrix


def _mtx(path: Path) -> np.ndarray:
    """Matrix Market, coordinate or array. SciPy reads the head, numpy the numbers: SciPy's own reader ends the process
    at a number that is none, and takes 2.5.5 for 2.5.
    """
    from scipy.io import mminfo

    try:
        rows, cols, entries, layout, field, symmetry = mminfo(path)
        _check_size(path, rows, cols)
        if field not in ("real", "integer", "unsigned-integer", "pattern", "double") or entries > rows * cols:
            raise RecordError(f"{path}: {entries:,} entries of the kind {field!r} in {rows} x {cols}, wanted real "
                              f"numbers or a pattern; {MTX}")
        numbers = mtx_numbers(path)
        matrix = _coordinates if layout == "coordinate" else _array
        found = matrix(numbers, (rows, cols), entries, symmetry)
    except DECODING as error:
        raise RecordError(f"{path}: not a readable .mtx file ({reason(error, 120)}); {MTX}") from None
    if not np.isfinite(found).all():
        raise RecordError(f"{path}: holds NaN or infinity; clean it first")
    return found != 0 if field == "pattern" else found


def mtx_numbers(path: Path) -> np.ndarray:
    """The numbers [line, column] behind the line of sizes, which is the first that is no comment."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a file without numbers
        while (line := file.readline()).startswith(b"%") or (line and not line.strip()):
            pass
        return np.loadtxt(file, np.float64, comments="%", ndmin=2, encoding="ascii")


def _coordinates(numbers: np.ndarray, shape: tuple[int, int], entries: int, symmetry: str) -> np.ndarray:
    """Lines of row, column (both from 1) and value, 1 where it is left out; those named twice are added up."""
    if len(numbers) != entries or (entries and numbers.shape[1] not in (2, 3)):
        raise ValueError(f"{len(numbers):,} entries, and {entries:,} are declared")
    matrix = np.zeros(shape)
    if not entries:
        return matrix
    places = numbers[:, :2].astype(np.int64) - 1
    if (numbers[:, :2] != places + 1).any() or (places < 0).any() or (places >= shape).any():
        raise ValueError(f"an entry lies outside {shape[0]:,} x {shape[1]:,}")
    values = numbers[:, 2] if numbers.shape[1] == 3 else np.ones(entries)
    rows, cols = places.T
    np.add.at(matrix, (rows, cols), values)
    return _mirrored(matrix, symmetry)


def _array(numbers: np.ndarray, shape: tuple[int, int], entries: int, symmetry: str) -> np.ndarray:
    """A number a line, column by column; of a symmetric matrix the lower half alone."""
    rows, cols = shape
    matrix = np.zeros(shape)
    first = 0 if symmetry in ("general", "symmetric") else 1  # a skew matrix has no diagonal
    row, col = np.indices(shape).reshape(2, -1)
    kept = np.ones(rows * cols, bool) if symmetry == "general" else row - col >= first
    order = np.lexsort((row[kept], col[kept]))
    if numbers.size != order.size or (numbers.size and numbers.shape[1] != 1):
        raise ValueError(f"{numbers.size:,} numbers, and {order.size:,} are wanted")
    matrix[row[kept][order], col[kept][order]] = numbers.reshape(-1)
    return _mirrored(matrix, symmetry)


def _mirrored(matrix: np.ndarray, symmetry: str) -> np.ndarray:
    """The whole matrix from its lower half."""
    if symmetry == "general":
        return matrix
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a {symmetry} matrix of {matrix.shape[0]:,} x {matrix.shape[1]:,}")
    other = matrix.T.copy()
    np.fill_diagonal(other, 0)
    return matrix - other if symmetry == "skew-symmetric" else matrix + other


def _check_size(path: Path, rows: int, cols: int) -> None:
    if min(rows, cols) < 1 or math.prod((rows, cols)) > MAX_POSITIONS:
        raise RecordError(f"{path}: a matrix of {rows:,} x {cols:,}, wanted at least 1 x 1 and at most "
                          f"{MAX_POSITIONS:,} positions")
