"""What lies behind Eyeriss's published figures: that the claims run what they say they run."""

import pytest

from accelsim import shipped
from accelsim.arch.registry import load_arch
from accelsim.arch.row_stationary.eyeriss.claims import DENSE, SPARSE, inference
from accelsim.workload.synthetic import draw_trace


def test_versions_have_the_same_pes_and_storage():
    """As the v2 paper compares them: 192 PEs, 192 kB, the same clock."""
    designs = [load_arch(name) for name in shipped.names("arch") if name in ("eyeriss_v1", "eyeriss_v15", "eyeriss_v2")]
    assert len(designs) == 3
    assert {(c.pes, c.clock_mhz, c.clusters * (c.glb_iact_bytes + c.glb_psum_bytes)) for c in designs} == {
        (192, 200, 192 * 1024)}
    assert len({c.weight_words * c.macs_per_pe for c in designs}) == 1


def test_the_sparse_network_has_the_published_totals():
    """Energy-aware pruning: 5.73 M weights, 0.56e8 multiply-accumulates with both operands non-zero."""
    trace = draw_trace(SPARSE, seed=1)
    assert sum(int(layer.weight.sum()) for layer in trace) == pytest.approx(5.73e6, rel=0.01)
    assert sum(layer.macs_effectual for layer in trace) == pytest.approx(0.56e8, rel=0.05)


def test_unpruned_alexnet_meets_the_published_zeros():
    """3.71e8 multiply-accumulates with a non-zero input, padding counted as dense as the rest."""
    met = sum(layer.macs_dense * layer.activation.sum() / layer.activation.size for layer in draw_trace(DENSE, seed=1))
    assert met == pytest.approx(3.71e8, rel=0.01)


def test_the_fullest_tile_of_conv5_is_the_published_one():
    """174 weights of 32 filters x 4 channels x 3 taps."""
    conv5 = next(layer for layer in draw_trace(SPARSE, seed=1) if layer.name == "conv5")
    filters, channels, rows, taps = conv5.weight.shape
    tiles = conv5.weight.reshape(filters // 32, 32, channels // 4, 4, rows, taps).sum(axis=(1, 3, 5))
    assert tiles.max() == pytest.approx(174, rel=0.05)


@pytest.mark.slow
def test_zeros_save_time_on_v2_alone():
    assert inference("eyeriss_v2", SPARSE).cycles < 0.5 * inference("eyeriss_v2", DENSE).cycles
    assert inference("eyeriss_v1", SPARSE).cycles == inference("eyeriss_v1", DENSE).cycles
