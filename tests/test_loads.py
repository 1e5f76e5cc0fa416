"""Is the work of the PEs kept whole, in memory and in files, on small designs and on very large ones?"""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim import testing
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import AccountingError
from accelsim.result.work import BINS, MAX_CELLS, MAX_PES, PeWork, added
from accelsim.simulation import check_books

pytestmark = pytest.mark.small
SIDES = st.integers(1, 40)


def drawn(rows: int, cols: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1000, (rows, cols))


@given(SIDES, SIDES, st.integers(0, 99), st.integers(1, 300))
def test_joined_cells_are_the_sums_of_their_pes(rows, cols, seed, cells):
    work = drawn(rows, cols, seed)
    joined = PeWork.of(work).within(cells)
    assert joined.cells.size <= cells
    assert joined.total == work.sum()
    height, width = joined.block
    for i, j in np.ndindex(joined.cells.shape):
        assert joined.cells[i, j] == work[i * height:(i + 1) * height, j * width:(j + 1) * width].sum()


@given(SIDES, SIDES, st.integers(0, 99))
def test_imbalance_is_most_over_mean(rows, cols, seed):
    work = drawn(rows, cols, seed)
    assert PeWork.of(work).imbalance == pytest.approx(work.max() / work.mean() if work.any() else 1.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 64), (8, 8), (128, 128), (256, 257), (1, 100_000), (300, 300)])
def test_files_hold_a_bounded_part_that_adds_up(shape):
    work = drawn(*shape, seed=1)
    data = json.loads(json.dumps(PeWork.of(work, ("busy", "padding")).to_dict()))
    assert (data["format"], data["stalls"], data["grid"]) == (1, ["busy", "padding"], list(shape))
    assert data["total"] == sum(data["cells"]) == work.sum()
    rows, cols = (-(-size // block) for size, block in zip(shape, data["block"], strict=True))
    assert rows * cols == len(data["cells"]) <= MAX_CELLS
    histogram = data["histogram"]
    assert len(histogram["cells"]) <= BINS
    if work.size <= MAX_PES:
        assert histogram["block"] == [1, 1]
        assert sum(histogram["cells"]) == work.size
        width = histogram["width"]
        assert histogram["cells"][-1] == (work >= (len(histogram["cells"]) - 1) * width).sum()
        assert histogram["cells"][0] == (work < width).sum()
    assert len(json.dumps(data)) < 12_000


def test_many_pes_are_never_an_array_of_all():
    """4 billion PEs of a systolic array: what is kept is small and adds up."""
    ones = np.ones(1 << 16, np.int64)
    work = PeWork.of_products([(ones, ones), (2 * ones, ones)], ("busy",))
    assert work.cells.size <= MAX_PES
    assert work.total == 3 << 32
    assert work.imbalance == 1.0
    layer = accelsim.linear("l", np.ones((300, 70), bool), np.ones((2, 70), bool))
    result = accelsim.simulate(layer, "tpu_128x128", set={"rows": 65536, "cols": 65536})
    assert result.work is not None
    assert result.work.total == 300 * 70 * 2


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4))
def test_products_add_up_as_arrays_do(seeds):
    terms = [(drawn(1, 7, a)[0], drawn(1, 5, b)[0]) for a, b in seeds]
    whole = PeWork.of(sum(np.outer(*term) for term in terms))
    assert PeWork.of_products(terms, ("busy",)) == whole
    assert whole != PeWork.of(whole.cells + 1)


def test_layers_are_added_where_all_tell_it_on_one_grid():
    one, two = PeWork.of(drawn(3, 4, 1)), PeWork.of(drawn(3, 4, 2))
    assert added([one, two]) == PeWork.of(one.cells + two.cells)
    assert added([one, None]) is None
    assert added([]) is None
    assert added([one, PeWork.of(drawn(4, 3, 1))]) is None


def test_results_carry_it():
    rng = np.random.default_rng(0)
    trace = accelsim.Trace([accelsim.conv2d("c", testing.tensor(rng, (4, 3, 3, 3), 0.5),
                                            testing.tensor(rng, (1, 3, 8, 8), 0.5)),
                            accelsim.linear("l", testing.tensor(rng, (9, 20), 0.5), testing.tensor(rng, (20,), 0.5))])
    result = accelsim.simulate(trace, "scnn")
    assert result.work == added([layer.work for layer in result.layers])
    assert result.work.grid == (8, 8)
    data = result.to_dict()
    assert data["totals"]["imbalance"] == result.imbalance
    for layer, own in zip(result.layers, data["layers"], strict=True):
        assert own["work"] == layer.work.to_dict()
        assert own["imbalance"] == layer.imbalance >= 1
        assert sum(own["work"]["cells"]) == layer.stalls["busy"]
    assert list(result.to_pandas()["imbalance"]) == [layer.imbalance for layer in result.layers]


def test_work_that_does_not_add_up_is_refused():
    layer = accelsim.linear("l", np.ones((4, 4), bool), np.ones(4, bool))
    run = machine("eie").run(layer, load_arch("eie"), lambda matrix, pes: np.arange(len(matrix)))
    wrong = replace(run, work=PeWork.of(run.work.cells + 1))
    with pytest.raises(AccountingError, match="work of the PEs sums to 80, wanted busy = 16"):
        check_books("eie", layer, wrong)
