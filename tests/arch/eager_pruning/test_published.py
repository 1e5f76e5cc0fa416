"""Tile counts of a third party's rules, cycles by hand, and gradients: by hand and against torch's autograd."""

import numpy as np
import pytest

from accelsim import load_arch
from accelsim.arch.registry import machine
from accelsim.arch.training.eager_pruning.reference import passes
from accelsim.arch.training.shared.reference.gradient import output_gradient
from accelsim.errors import ConfigError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.matmul import linear

MODEL = machine("eager_pruning")
IN_ORDER = MODEL.policies["in_order"]


def kernels(seed, length):
    """64 kernels with as many weights as the sheet draws."""
    counts = np.random.default_rng(seed).binomial(length, .2, 64)
    return linear("l", (np.arange(length) < counts[:, None]).astype(np.int8), np.ones((3, length), np.int8))


@pytest.mark.parametrize(("seed", "length", "weights", "fixed", "packed"), [
    (11, 576, 7272, (937, 485, 258), (909, 455, 228)), (12, 36, 480, (87, 64, 64), (60, 30, 15))])
def test_tiles_of_the_sheet(seed, length, weights, fixed, packed):
    # The sheet counts groups: designs of one group each.
    layer = kernels(seed, length)
    assert np.count_nonzero(layer.weight) == weights
    for size, groups, dense in zip((8, 16, 32), fixed, packed, strict=True):
        for preset, tiles in (("eager_pruning_rigid", groups), ("eager_pruning", dense)):
            config = load_arch(preset, {"multipliers": size, "group": size, "phases": "forward"})
            assert MODEL.run(layer, config, IN_ORDER).mapping["forward_tiles"] == tiles


def test_cycles_by_hand():
    # Kernels of 3 and 2 weights on 4 multipliers, 3 vectors, a weight a cycle. Free: tiles of 4 and 1; loads end at 4
    # and, begun with the first stream, 5; streams at 4..7 and 7..10; the tree takes ceil(log2 4) + 1 = 3.
    layer = linear("l", [[1, 1, 1, 0], [0, 0, 1, 1]], np.ones((3, 4), np.int8))
    free = MODEL.run(layer, load_arch("eager_pruning", {"multipliers": 4, "load_width": 1, "phases": "forward"}),
                     IN_ORDER)
    assert free.cycles == 4 + 3 + 3 + 3
    assert free.stalls == {"busy": 15, "ineffectual": 0, "outside": 0, "fragmented": 0, "unused": 9, "load": 16,
                           "drain": 12}
    # Runs: kernel 0, kernel 1 | kernel 1 again: 3 x 3 sums written, 3 taken up again; adds of 2 + 0 + 0.
    assert [free.counts[name] for name in ("sum_writes", "sum_reads", "tree_adds")] == [9, 3, 6]
    # Fixed groups of 2: kernel 0 has two, one of them half empty, kernel 1 one: tiles of 3 and 2 weights.
    fixed = MODEL.run(layer, load_arch("eager_pruning_rigid", {
        "multipliers": 4, "group": 2, "load_width": 1, "phases": "forward", "double_buffer": False}), IN_ORDER)
    assert fixed.cycles == 3 + 3 + 2 + 3 + 3
    assert fixed.stalls == {"busy": 15, "ineffectual": 0, "outside": 0, "fragmented": 3, "unused": 6, "load": 20,
                            "drain": 12}


def test_stride_leaves_positions_without_operand():
    # One weight, stride 2, 4 x 4 inputs, 2 x 2 outputs: dL/dx is streamed over 16 positions, 4 of them with an output.
    layer = conv2d("c", np.ones((1, 1, 1, 1), np.int8), np.ones((1, 1, 4, 4), np.int8), stride=2)
    run = MODEL.run(layer, load_arch("eager_pruning", {"multipliers": 1, "phases": "backward"}), IN_ORDER)
    assert (run.cycles, run.stalls["busy"], run.stalls["outside"]) == (1 + 16 + 1, 4, 12)


def test_speedup_is_between_one_and_the_zeros():
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 9, (32, 8, 3, 3)) * (rng.random((32, 8, 3, 3)) < .2)
    layer = conv2d("c", weight, rng.integers(0, 9, (4, 8, 12, 12)), padding=1)
    packed, fixed, dense = (MODEL.run(layer, load_arch(preset, changes), IN_ORDER).cycles for preset, changes in (
        ("eager_pruning", {}), ("eager_pruning_rigid", {}), ("eager_pruning", {"sparse": False})))
    assert packed <= fixed
    assert 1 < dense / packed <= weight.size / np.count_nonzero(weight) * 1.01  # loads and drain of both


def test_groups_divide_the_multipliers():
    with pytest.raises(ConfigError, match="wanted a divisor of 256"):
        load_arch("eager_pruning_rigid", {"group": 24})


@pytest.mark.parametrize("preset", ["eager_pruning", "eager_pruning_rigid"])
@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("geometry", [
    {"padding": 1}, {"stride": (2, 1), "padding": (0, 1)}, {"dilation": 2, "padding": 2}, {"padding": 1, "groups": 3}])
def test_autograd(preset, sparse, geometry):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    rng = np.random.default_rng(5)
    weight = rng.integers(-9, 10, (6, 3 // geometry.get("groups", 1), 3, 3))
    weight *= rng.random(weight.shape) < 0.4
    layer = conv2d("c", weight, rng.integers(0, 9, (3, 3, 6, 5)), bias=np.arange(6), **geometry)
    y, dx, dw = passes(layer, load_arch(preset, {"multipliers": 12, "group": 4, "sparse": sparse}), IN_ORDER)
    x, w = (torch.tensor(t.astype(np.float64), requires_grad=True) for t in (layer.activation, layer.weight))
    out = torch.nn.functional.conv2d(x, w, torch.arange(6, dtype=torch.float64), **geometry)
    out.backward(torch.tensor(output_gradient(0, y.shape).astype(np.float64)))
    np.testing.assert_array_equal(y, out.detach().numpy())
    np.testing.assert_array_equal(dx, x.grad.numpy())
    np.testing.assert_array_equal(dw, w.grad.numpy() * ((weight != 0) | (not sparse)))


def test_linear_by_hand():
    # dx = W^T dy, dW = dy x^T where W is not zero.
    first, second = output_gradient(0, (2,)).tolist()
    y, dx, dw = passes(linear("l", [[2, 0], [3, 5]], [7, 11], [100, 200]), load_arch("eager_pruning"), IN_ORDER)
    assert y.tolist() == [[[14 + 100, 21 + 55 + 200]]]
    assert dx.tolist() == [[[2 * first + 3 * second, 5 * second]]]
    assert dw.tolist() == [[[7 * first, 0], [7 * second, 11 * second]]]
