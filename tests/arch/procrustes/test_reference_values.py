"""Does the array compute the three passes of training? Against sums written out, and torch's autograd where it is."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.arch.training.procrustes.reference import passes
from accelsim.arch.training.shared.reference.gradient import output_gradient
from accelsim.errors import UnsupportedLayerError
from accelsim.testing import layers
from accelsim.workload.conv2d import Conv2d, conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear


def explicit_gradients(layer: Layer, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dL/dx and dL/dW, the mask not applied, by their definitions: one product at a time."""
    dx, dw = np.zeros(layer.activation.shape, np.int64), np.zeros(layer.weight.shape, np.int64)
    weight, x = layer.weight.astype(np.int64), layer.activation.astype(np.int64)
    if not isinstance(layer, Conv2d):
        for g, n, k, c in np.ndindex(*dy.shape, weight.shape[2]):
            dx[g, n, c] += dy[g, n, k] * weight[g, k, c]
            dw[g, k, c] += dy[g, n, k] * x[g, n, c]
        return dx, dw
    filters, per_group = weight.shape[0] // layer.groups, weight.shape[1]
    for n, k, p, q, c, r, s in np.ndindex(*dy.shape, *weight.shape[1:]):
        h, w = (out * layer.stride[d] + tap * layer.dilation[d] - layer.padding[d]
                for d, (out, tap) in enumerate(((p, r), (q, s))))
        if 0 <= h < x.shape[2] and 0 <= w < x.shape[3]:
            channel = k // filters * per_group + c
            dx[n, channel, h, w] += dy[n, k, p, q] * weight[k, c, r, s]
            dw[k, c, r, s] += dy[n, k, p, q] * x[n, channel, h, w]
    return dx, dw


def check(layer, config, policy):
    y, dx, dw = passes(layer, config, policy)
    np.testing.assert_array_equal(y, layer.output(), strict=True)
    true_dx, true_dw = explicit_gradients(layer, output_gradient(config.gradient_seed, y.shape))
    np.testing.assert_array_equal(dx, true_dx, strict=True)
    np.testing.assert_array_equal(dw, np.where((layer.weight != 0) | (not config.sparse), true_dw, 0), strict=True)


def test_gradient_generator_by_hand():
    # Seed 0, element 0: v = 2654435761 = 9e3779b1. v << 13 = ef362000 (mod 2^32), v becomes 710159b1; v >> 17 = 3880,
    # v becomes 71016131; v << 5 = 202c2620, v becomes 512d4711 = 1361921809; mod 15 = 4; element -3.
    assert 0x9E3779B1 ^ 0xEF362000 == 0x710159B1
    assert 0x710159B1 ^ 0x3880 == 0x71016131
    assert 0x71016131 ^ 0x202C2620 == 1361921809 == 15 * 90794787 + 4
    assert output_gradient(0, (1,)).tolist() == [-3]


def test_gradients_are_spread_and_move_on_with_the_seed():
    drawn = output_gradient(0, (10, 150)).ravel()
    assert set(drawn.tolist()) == set(range(-7, 8))
    assert abs(drawn.mean()) < 0.5
    np.testing.assert_array_equal(output_gradient(3, (1497,)), drawn[3:])
    np.testing.assert_array_equal(output_gradient(2**32 - 1, (5,))[1:], drawn[:4])


def test_linear_by_hand(small, own_policies):
    # dL/dy of 1 vector and 2 outputs; dx = W^T dy, dW = dy x^T where W is not zero.
    layer = linear("l", [[2, 0], [3, 5]], [7, 11], [100, 200])
    first, second = output_gradient(0, (2,)).tolist()
    y, dx, dw = passes(layer, small, own_policies["half_tile"])
    assert y.tolist() == [[[14 + 100, 21 + 55 + 200]]]
    assert dx.tolist() == [[[2 * first + 3 * second, 5 * second]]]
    assert dw.tolist() == [[[7 * first, 0], [7 * second, 11 * second]]]


@pytest.mark.parametrize("dataflow", ["kn", "cn", "ck", "pq"])
@pytest.mark.parametrize("geometry", [
    {"stride": (2, 3), "padding": (1, 0)}, {"dilation": (2, 1), "padding": 2}, {"stride": 3}, {"groups": 2},
    {"stride": 2, "dilation": 2, "padding": (3, 1), "groups": 4}])
def test_convolutions(small, own_policies, dataflow, geometry):
    rng = np.random.default_rng(3)
    weight = rng.integers(-9, 10, (4, 4 // geometry.get("groups", 1), 3, 2)) * (rng.random((1, 1, 3, 2)) < 0.7)
    layer = conv2d("c", weight, rng.integers(-9, 10, (3, 4, 6, 7)), **geometry)
    check(layer, small.but(dataflow=dataflow, gradient_seed=11), own_policies["half_tile"])


@given(data=st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_drawn_layers(preset, own_policies, data):
    layer = data.draw(layers(size=5))
    config = preset.but(pe_rows=data.draw(st.integers(1, 3)), pe_cols=data.draw(st.integers(1, 3)),
                        dataflow=data.draw(st.sampled_from(("kn", "cn", "ck", "pq"))),
                        tile_lanes=data.draw(st.integers(1, 3)), sparse=data.draw(st.booleans()),
                        gradient_seed=data.draw(st.integers(0, 2**32 - 1)))
    check(layer, config, own_policies[data.draw(st.sampled_from(sorted(own_policies)))])


@pytest.mark.parametrize("dataflow", ["kn", "cn", "ck", "pq"])
@pytest.mark.parametrize("geometry", [
    {"padding": 1}, {"stride": (2, 1), "padding": (0, 1)}, {"dilation": 2, "padding": 2}, {"padding": 1, "groups": 3}])
def test_autograd(small, own_policies, dataflow, geometry):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    rng = np.random.default_rng(5)
    weight = rng.integers(-9, 10, (6, 3 // geometry.get("groups", 1), 3, 3))
    weight *= rng.random(weight.shape) < 0.4
    layer = conv2d("c", weight, rng.integers(0, 9, (3, 3, 6, 5)), bias=np.arange(6), **geometry)
    y, dx, dw = passes(layer, small.but(dataflow=dataflow), own_policies["half_tile"])
    x, w = (torch.tensor(t.astype(np.float64), requires_grad=True) for t in (layer.activation, layer.weight))
    out = torch.nn.functional.conv2d(x, w, torch.arange(6, dtype=torch.float64), **geometry)
    out.backward(torch.tensor(output_gradient(0, y.shape).astype(np.float64)))
    np.testing.assert_array_equal(y, out.detach().numpy())
    np.testing.assert_array_equal(dx, x.grad.numpy())
    np.testing.assert_array_equal(dw, w.grad.numpy() * (weight != 0))


def test_pass_that_does_not_fit_is_refused(small, own_policies):
    with pytest.raises(UnsupportedLayerError, match="forward pass"):
        passes(linear("l", [[1]], [1]), small.but(register_file_words=2), own_policies["none"])
