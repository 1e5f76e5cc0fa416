"""Sparse matrices in files, kept sparse: Matrix Market (.mtx), .smtx of the Deep Learning Matrix Collection, MATLAB
(.mat) and SciPy (.npz)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsim.arguments import path_text, truth
from accelsim.errors import RecordError, cut, reason, shown
from accelsim.workload.compressed import MAX_SIDE
from accelsim.workload.importers.arrays import DECODING, MAX_BYTES, check_archive
from accelsim.workload.importers.matrix_files import MTX, SMTX, mtx_numbers, smtx_numbers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SPARSE_FILES = (".mtx", ".smtx", ".mat", ".npz")


def load_matrix(path: str | os.PathLike[str], variable: str | None = None, pattern: bool = False) -> "csr_array":
    """The matrix of a .mtx, .smtx, .mat or .npz file (as `scipy.sparse.save_npz` writes), never made dense.

    The lower half of a symmetric file is mirrored; zeros that are stored are dropped. variable: which of a .mat file
    with several sparse matrices. pattern: bools in place of the values, as a pattern file has them anyway. Raises
    RecordError for a damaged file: a position twice or outside, another number of entries than declared.
    """
    file = Path(path_text("matrix", path, RecordError, "the path of a matrix"))
    if file.suffix not in SPARSE_FILES:
        raise RecordError(f"{file}: wanted a matrix in a file that ends in {', '.join(SPARSE_FILES)}")
    pattern = truth("pattern", pattern, RecordError)
    if variable is not None and file.suffix != ".mat":
        raise RecordError(f"{file}: variable={shown(variable)} is for .mat files alone; leave it out")
    readers = {".mtx": _mtx, ".smtx": _smtx, ".npz": _npz}
    try:
        if not file.is_file():
            raise RecordError(f"{file}: no such file; give the path of a matrix")
        found = _mat(file, variable) if file.suffix == ".mat" else readers[file.suffix](file)
    except OSError as error:
        raise RecordError(f"{file}: cannot be read ({error.strerror or error}); give the path of a matrix") from None
    return _cleaned(file, found, pattern)


def _cleaned(file: Path, matrix: "csr_array", pattern: bool) -> "csr_array":
    """Sorted rows without stored zeros; bools where the pattern alone is wanted."""
    if matrix.dtype != bool:
        if matrix.dtype.kind == "c" and not pattern:
            raise RecordError(f"{file}: holds complex numbers, which no machine multiplies; take its pattern "
                              "(pattern=True)")
        if not np.isfinite(matrix.data).all():
            raise RecordError(f"{file}: holds NaN or infinity; clean it first")
        matrix.eliminate_zeros()
    matrix.sort_indices()
    return (matrix != 0) if pattern and matrix.dtype != bool else matrix


def _from_positions(file: Path, rows: np.ndarray, cols: np.ndarray, values: np.ndarray,
                    shape: tuple[int, int]) -> "csr_array":
    """CSR of positions, each of which must come once."""
    from scipy.sparse import csr_array

    places = rows * shape[1] + cols
    order = np.argsort(places, kind="stable")
    places = places[order]
    again = np.flatnonzero(places[1:] == places[:-1])
    if again.size:
        row, col = divmod(int(places[again[0]]), shape[1])
        raise RecordError(f"{file}: row {row + 1}, column {col + 1} is named more than once, as are {again.size:,} "
                          "positions in all; add them up before (scipy: sum_duplicates)")
    starts = np.searchsorted(places, np.arange(shape[0] + 1, dtype=np.int64) * shape[1])
    return csr_array((values[order], cols[order].astype(np.int32), starts.astype(np.int32)), shape=shape)


def _mtx(file: Path) -> "csr_array":
    from scipy.io import mminfo

    try:
        rows, cols, entries, layout, field, symmetry = mminfo(file)
        if layout != "coordinate" or symmetry == "hermitian":
            raise RecordError(f"{file}: a {layout} matrix, {symmetry}; wanted coordinates, general or symmetric")
        _check_sides(file, rows, cols)
        numbers = mtx_numbers(file)
        pattern, width = field == "pattern", {"pattern": 2, "complex": 4}.get(field, 3)
        if len(numbers) != entries or (entries and numbers.shape[1] != width):
            raise RecordError(f"{file}: {len(numbers):,} entries of {numbers.shape[1] if numbers.size else 0} numbers, "
                              f"and {entries:,} of {width} are declared ({field}); {MTX}")
    except DECODING as error:
        raise RecordError(f"{file}: not a readable .mtx file ({reason(error, 120)}); {MTX}") from None
    numbers = numbers if entries else np.zeros((0, width))
    row, col = (numbers[:, :2].astype(np.int64) - 1).T
    outside = (numbers[:, 0] != row + 1) | (numbers[:, 1] != col + 1) | (row < 0) | (row >= rows) | (col < 0) | (
        col >= cols)
    if outside.any():
        first = numbers[np.argmax(outside)]
        raise RecordError(f"{file}: entry {int(np.argmax(outside)) + 1:,} is at {first[0]:g}, {first[1]:g}, outside "
                          f"{rows:,} x {cols:,} (both count from 1)")
    values = np.ones(entries, bool) if pattern else numbers[:, 2] + (1j * numbers[:, 3] if width == 4 else 0)
    if symmetry != "general":
        if rows != cols or (row < col).any():
            raise RecordError(f"{file}: a {symmetry} matrix of {rows:,} x {cols:,} with "
                              f"{int((row < col).sum()):,} entries above the diagonal; wanted its lower half")
        off = row != col
        mirrored = -values[off] if symmetry == "skew-symmetric" else values[off]
        row, col, values = (np.concatenate(parts) for parts in ((row, col[off]), (col, row[off]), (values, mirrored)))
    return _from_positions(file, row, col, values, (rows, cols))


def _smtx(file: Path) -> "csr_array":
    (rows, cols, nonzeros), starts, columns = smtx_numbers(file)
    _check_sides(file, rows, cols)
    counts = np.diff(starts)
    fits = (starts.shape == (rows + 1,) and starts[0] == 0 and starts[-1] == nonzeros == columns.size
            and (counts >= 0).all() and (columns.size == 0 or (columns.min() >= 0 and columns.max() < cols)))
    if not fits:
        raise RecordError(f"{file}: {starts.size:,} row starts and {columns.size:,} columns are not those of a "
                          f"{rows:,} x {cols:,} matrix with {nonzeros:,} non-zeros; {SMTX}")
    return _from_positions(file, np.repeat(np.arange(rows), counts), columns, np.ones(nonzeros, bool), (rows, cols))


def _mat(file: Path, variable: str | None) -> "csr_array":
    from scipy.io import loadmat
    from scipy.sparse import issparse

    if file.stat().st_size > MAX_BYTES:
        raise RecordError(f"{file}: more than {MAX_BYTES:,} bytes; save it as .npz (scipy.sparse.save_npz)")
    try:
        stored = loadmat(file)
    except NotImplementedError:
        raise RecordError(f"{file}: a MATLAB 7.3 file, which is HDF5; save it with -v7, or as .npz") from None
    except Exception as error:  # the decoder raises what it likes on damaged bytes
        raise RecordError(f"{file}: not a readable .mat file ({reason(error, 120)}); save it again with -v7") from None
    sparse = {name: value for name, value in stored.items() if issparse(value)}
    if variable is None and len(sparse) == 1:
        variable = next(iter(sparse))
    if variable not in sparse:
        said = "has no sparse matrix" if not sparse else f"has the sparse matrices {cut(', '.join(sparse), 200)}"
        asked = "" if variable is None else f", and no {shown(variable)}"
        raise RecordError(f"{file}: {said}{asked}; " + ("name one (variable=...)" if sparse else "save one as sparse"))
    return _as_csr(file, sparse[variable])


def _npz(file: Path) -> "csr_array":
    from scipy.sparse import load_npz

    check_archive(file)
    try:
        return _as_csr(file, load_npz(file))
    except (*DECODING, AttributeError) as error:
        raise RecordError(f"{file}: not a sparse matrix as scipy.sparse.save_npz writes it ({reason(error, 120)}); "
                          "write it so") from None


def _as_csr(file: Path, matrix: Any) -> "csr_array":
    """Any scipy matrix, its stored positions checked."""
    from scipy.sparse import csr_array

    _check_sides(file, *matrix.shape)
    if matrix.format == "csr":
        rows = csr_array(matrix)
        rows.check_format(full_check=True)
        row, col, values = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.indices, rows.data
    else:
        if matrix.format in ("csc", "bsr"):
            matrix.check_format(full_check=True)
        triples = matrix.tocoo()
        row, col, values = triples.row, triples.col, triples.data
    if row.size and (min(row.min(), col.min()) < 0 or row.max() >= matrix.shape[0] or col.max() >= matrix.shape[1]):
        raise ValueError("an index lies outside the shape")
    return _from_positions(file, row.astype(np.int64), col.astype(np.int64), values, matrix.shape)


def _check_sides(file: Path, rows: int, cols: int) -> None:
    if not (1 <= rows <= MAX_SIDE and 1 <= cols <= MAX_SIDE):
        raise RecordError(f"{file}: a matrix of {rows:,} x {cols:,}, wanted 1 to {MAX_SIDE:,} rows and columns")
