"""Products of two sparse matrices: built, kept, stored, drawn, read from files, and run on dense machines."""

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy import sparse
from scipy.io import mmwrite, savemat

import accelsim
from accelsim.report.workloads import trace_text


def drawn(rows, cols, nonzeros, seed, **more):
    return accelsim.draw_sparse("uniform", (rows, cols), nonzeros, seed, **more)


def small(seed=0, **more):
    return accelsim.sparse_matmul("product", drawn(12, 20, 40, seed, **more), drawn(20, 9, 30, seed + 1, **more))


def test_a_layer_is_its_operands():
    layer = small()
    dense = layer.a.toarray().astype(np.int64) @ layer.b.toarray().astype(np.int64)
    assert np.array_equal(layer.output().toarray(), dense)
    assert layer.macs_dense == 12 * 20 * 9
    assert layer.macs_effectual == ((layer.a.toarray() != 0).sum(0) * (layer.b.toarray() != 0).sum(1)).sum()
    assert layer.shape_text == "12x20 (40 non-zeros) * 20x9 (30 non-zeros)"


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "lil", "dok", "dense"])
def test_any_format_of_scipy_gives_the_same_digest(kind):
    layer = small()
    a, b = ((m.toarray() if kind == "dense" else m.asformat(kind)) for m in (layer.a, layer.b))
    assert accelsim.sparse_matmul("product", a, b).digest == layer.digest


def test_what_a_caller_changes_later_is_not_the_layers():
    a = drawn(5, 5, 9, 1)
    layer = accelsim.sparse_matmul("product", a, a)
    before = layer.a.toarray()
    a.data[:] = 3
    layer.a.indices.flags.writeable  # noqa: B018  (a view: writing is refused)
    assert np.array_equal(layer.a.toarray(), before)


def test_zeros_that_are_stored_are_dropped():
    a = sparse.csr_array(([1, 0, 2], ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    assert a.nnz == 3
    assert accelsim.sparse_matmul("product", a, a).a_rows.nonzeros == 2


def twice():
    return sparse.coo_array(([1, 1, 2], ([0, 0, 1], [1, 1, 1])), shape=(2, 2))


@pytest.mark.parametrize(("a", "b", "says"), [
    (twice(), np.eye(2, dtype=int), "a stores 1 positions more than once"),
    (sparse.csr_array(([1, 1], [1, 1], [0, 2, 2]), shape=(2, 2)), np.eye(2, dtype=int), "more than once"),
    (np.eye(3, dtype=int), np.eye(2, dtype=int), "a has 3 columns, b 2 rows"),
    (sparse.csr_array(np.eye(2) * 0.5), np.eye(2, dtype=int), "pass x != 0"),
    (sparse.csr_array(np.eye(2) * 1e6), np.eye(2, dtype=int), "outside int16"),
    (np.ones(4, int), np.eye(4, dtype=int), "wanted [rows, columns]"),
    (sparse.csr_array((0, 2)), np.eye(2, dtype=int), "wanted [rows, columns]"),
])
def test_bad_operands_are_refused(a, b, says):
    with pytest.raises(accelsim.TraceError, match="layer 'product'.*" + re.escape(says)):
        accelsim.sparse_matmul("product", a, b)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip_through_a_file(tmp_path, data):
    rows, inner, cols = (data.draw(st.integers(1, 300)) for _ in range(3))
    values, seed = data.draw(st.booleans()), data.draw(st.integers(0, 999))
    share = data.draw(st.sampled_from([0, 0.01, 0.3, 1]))
    layer = accelsim.sparse_matmul("product", drawn(rows, inner, int(share * rows * inner), seed, values=values),
                                   drawn(inner, cols, int(share * inner * cols), seed + 1, values=values))
    trace = accelsim.Trace([layer, accelsim.linear("fc", np.eye(3, dtype=np.int8), [1, 0, 2])])
    loaded = accelsim.load_trace(trace.save(tmp_path / "t.safetensors"))
    assert loaded.digest == trace.digest
    assert loaded["product"].agrees(layer.output()) if values else not loaded["product"].has_values


def test_a_file_takes_a_column_and_a_value_for_each_non_zero(tmp_path):
    layer = accelsim.sparse_matmul("product", drawn(1000, 1000, 50_000, 1), drawn(1000, 1000, 50_000, 2))
    path = accelsim.Trace([layer]).save(tmp_path / "t.safetensors")
    assert path.stat().st_size < 100_000 * (10 + 8) / 8 + 2000 * 10 / 8 + 2000


@pytest.mark.parametrize(("key", "value", "says"), [
    ("nonzeros", 39, "U8"), ("nonzeros", 1 << 40, "less than or equal"),
    ("shape", [12, 17], "columns must ascend"), ("shape", [12, 0], "greater than or equal"), ("dtype", "int16", "U8"),
])
def test_a_changed_header_is_refused(tmp_path, key, value, says):
    path = accelsim.Trace([small()]).save(tmp_path / "t.safetensors")
    with safe_open(path, "numpy") as file:
        header = json.loads(file.metadata()["accelsim"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header["layers"][0]["a"][key] = value
    save_file(tensors, path, {"accelsim": json.dumps(header)})
    with pytest.raises(accelsim.TraceError, match=re.escape(says)):
        accelsim.load_trace(path)


@pytest.mark.parametrize(("part", "says"), [("lengths", "non-zeros, the header says"), ("columns", "must ascend")])
def test_changed_bytes_are_refused(tmp_path, part, says):
    path = accelsim.Trace([small()]).save(tmp_path / "t.safetensors")
    with safe_open(path, "numpy") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118
    tensors[f"0.a.{part}"][:] = 255
    save_file(tensors, path, header)
    with pytest.raises(accelsim.TraceError, match=says):
        accelsim.load_trace(path)


def test_show_tells_of_large_operands():
    side = 1_000_000
    layer = accelsim.sparse_matmul("large", drawn(side, side, 1000, 1), drawn(side, side, 1000, 2))
    text = trace_text(accelsim.Trace([layer]))
    assert "1000000x1000000" in text.replace(",", "")
    assert "1e-09" in text


@pytest.mark.parametrize("arch", ["eie", "sigma", "scnn"])
def test_dense_machines_run_small_ones_densified_and_say_so(arch):
    layer = small()
    result = accelsim.simulate(layer, arch=arch, engine="reference").layers[0]
    assert "ran the dense matmul of the same matrices" in result.notes[0]
    assert layer.agrees(result.output)
    assert result.op == "sparse_matmul"


def test_dense_machines_refuse_large_ones():
    side = 100_000
    layer = accelsim.sparse_matmul("large", drawn(side, side, 10, 1), drawn(side, side, 10, 2))
    with pytest.raises(accelsim.TraceError, match="layer 'large': a is 100,000 x 100,000, too large to be made dense"):
        accelsim.simulate(layer, arch="eie")


@pytest.mark.parametrize("pattern", ["uniform", "power_law", "banded", "block"])
def test_drawn_patterns(pattern):
    first, again, other = (accelsim.draw_sparse(pattern, (300, 200), 1600, seed) for seed in (5, 5, 6))
    assert first.nnz == 1600 and (first != again).nnz == 0 and (first != other).nnz > 0
    assert np.count_nonzero(first.data) == 1600 and first.has_canonical_format
    longest = np.diff(first.indptr).max()
    rows, cols = first.nonzero()
    if pattern == "banded":
        assert np.abs(rows * 200 // 300 - cols).max() <= 8
    if pattern == "block":
        assert set(np.diff(first.indptr) % 4) == {0}
    assert (longest > 60) == (pattern == "power_law")


def test_more_than_a_pattern_holds_is_refused():
    with pytest.raises(accelsim.TraceError, match="too many for a banded pattern"):
        accelsim.draw_sparse("banded", (100, 100), 2000, 1, width=2)
    with pytest.raises(accelsim.TraceError, match="did you mean 'uniform'"):
        accelsim.draw_sparse("unifrom", (100, 100), 2000, 1)


@pytest.mark.parametrize("ending", ["mtx", "mat", "npz"])
@pytest.mark.parametrize("kind", ["values", "pattern", "symmetric"])
def test_matrices_come_back_from_files(tmp_path, ending, kind):
    matrix = drawn(30, 30, 90, 3)
    matrix = sparse.csr_array(matrix + matrix.T) if kind == "symmetric" else matrix
    matrix.eliminate_zeros()
    path = tmp_path / f"m.{ending}"
    if ending == "mtx":
        mmwrite(path, matrix, field="pattern" if kind == "pattern" else None)
    elif ending == "mat":
        savemat(path, {"A": matrix.astype(float), "other": np.eye(3)})
    else:
        sparse.save_npz(path, matrix)
    found = accelsim.load_matrix(path, pattern=kind == "pattern")
    assert (found.astype(float) != (matrix != 0 if kind == "pattern" else matrix).astype(float)).nnz == 0
    assert accelsim.sparse_matmul("m", found, found).a_rows.nonzeros == matrix.nnz


def test_smtx_is_a_pattern(tmp_path):
    path = tmp_path / "m.smtx"
    path.write_text("2, 3, 3\n0 2 3\n0 2 1\n")
    assert accelsim.load_matrix(path).toarray().tolist() == [[True, False, True], [False, True, False]]


HEAD = "%%MatrixMarket matrix coordinate "


@pytest.mark.parametrize(("name", "text", "says"), [
    ("m.mtx", HEAD + "real general\n2 2 2\n1 1 1\n1 1 2\n", "row 1, column 1 is named more than once"),
    ("m.mtx", HEAD + "real general\n2 2 3\n1 1 1\n1 2 2\n", "2 entries of 3 numbers, and 3 of 3 are declared"),
    ("m.mtx", HEAD + "real general\n2 2 1\n3 1 1\n", "entry 1 is at 3, 1, outside 2 x 2"),
    ("m.mtx", HEAD + "real general\n2 2 1\n0 1 1\n", "outside 2 x 2"),
    ("m.mtx", HEAD + "pattern general\n2 2 1\n1 1 1\n", "of 2 are declared (pattern)"),
    ("m.mtx", HEAD + "real symmetric\n2 2 1\n1 2 1\n", "1 entries above the diagonal"),
    ("m.mtx", HEAD + "real general\n2 2 1\n1 1 nan\n", "NaN or infinity"),
    ("m.mtx", HEAD + "complex general\n1 1 1\n1 1 1 2\n", "pattern=True"),
    ("m.mtx", "hello", "not a readable .mtx file"),
    ("m.smtx", "2, 2, 2\n0 2 2\n1 1\n", "named more than once"),
    ("m.smtx", "2, 2, 2\n0 1 1\n1 1\n", "are not those of a 2 x 2 matrix with 2 non-zeros"),
    ("m.mat", "hello", "not a readable .mat file"),
    ("m.npz", "hello", "not a readable archive"),
    ("m.csv", "1,2", "ends in .mtx, .smtx, .mat, .npz"),
])
def test_damaged_files_are_refused(tmp_path, name, text, says):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(accelsim.RecordError, match=re.escape(str(path)) + ".*" + re.escape(says)):
        accelsim.load_matrix(path)


def test_stored_zeros_of_a_file_are_dropped(tmp_path):
    path = tmp_path / "m.mtx"
    path.write_text(HEAD + "integer general\n2 2 2\n1 1 0\n2 2 5\n")
    assert accelsim.load_matrix(path).nnz == 1


def test_a_mat_file_with_several_needs_a_name(tmp_path):
    path = tmp_path / "m.mat"
    savemat(path, {"A": sparse.csc_matrix(np.eye(2)), "B": sparse.csc_matrix(np.ones((2, 2)))})
    with pytest.raises(accelsim.RecordError, match="has the sparse matrices A, B; name one"):
        accelsim.load_matrix(path)
    assert accelsim.load_matrix(path, "B").nnz == 4


def test_an_npz_whose_indices_lie_outside_is_refused(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, format=np.array(b"csr"), shape=np.array([2, 2]), data=np.ones(1), indices=np.array([7]),
             indptr=np.array([0, 1, 1]))
    with pytest.raises(accelsim.RecordError, match=r"m\.npz"):
        accelsim.load_matrix(path)


@pytest.mark.slow
def test_ten_million_non_zeros(tmp_path):
    side = 1_000_000
    layer = accelsim.sparse_matmul("large", drawn(side, side, 10_000_000, 1), drawn(side, side, 10_000_000, 2))
    trace = accelsim.Trace([layer])
    loaded = accelsim.load_trace(trace.save(tmp_path / "t.safetensors"))
    assert loaded.digest == trace.digest
    assert layer.macs_effectual == pytest.approx(100_000_000, rel=0.01)
