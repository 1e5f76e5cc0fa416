"""Is DCNN's time that of its loop nest, and are its lanes all accounted for?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import testing
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import UnsupportedLayerError
from accelsim.simulation import check_accounting
from accelsim.workload.conv2d import conv2d

DCNN = machine("dcnn")
EQUAL = DCNN.policies["equal_planes"]
pytestmark = pytest.mark.small


@st.composite
def designs(draw: st.DrawFn) -> DcnnConfig:
    """Small designs, every parameter varied."""
    config = load_arch("dcnn", {
        "pe_rows": draw(st.integers(1, 4)), "pe_cols": draw(st.integers(1, 4)), "dot_width": draw(st.integers(1, 5)),
        "accumulator_entries": draw(st.sampled_from([4, 9, 40, 1024])), "kc_max": draw(st.integers(0, 3)),
        "index_bits": draw(st.sampled_from([0, 2, 4])), "zero_gating": draw(st.booleans()),
        "compress_dram": draw(st.booleans()), "iaram_bits": draw(st.sampled_from([0, 64, 512])),
        "oaram_bits": draw(st.sampled_from([0, 64, 512]))})
    assert isinstance(config, DcnnConfig)
    return config


@given(testing.layers(), designs(), st.sampled_from(sorted(DCNN.policies)))
def test_bounds_and_books(layer, config, policy):
    try:
        run = DCNN.run(layer, config, DCNN.policies[policy])
    except UnsupportedLayerError:
        return
    check_accounting(DCNN, layer, run)
    lanes = sum(run.stalls[s] for s in ("busy", "zero_operand", "outside"))
    assert run.counts["multiplies"] + run.counts["gated_multiplies"] == lanes
    assert run.stalls["busy"] == layer.macs_effectual <= run.counts["multiplies"]
    if not config.zero_gating:
        assert run.counts["gated_multiplies"] == 0


def test_a_dense_layer_by_hand():
    """8 x 8 plane on 64 PEs: one position, 9 taps, 32 filters and 40 channels in 3 vectors of 16."""
    layer = conv2d("c", np.ones((32, 40, 3, 3), bool), np.ones((1, 40, 8, 8), bool), padding=1)
    run = DCNN.run(layer, load_arch("dcnn"), EQUAL)
    assert run.cycles == 9 * 32 * 3
    assert run.stalls["busy"] == 22 * 22 * 32 * 40
    assert run.stalls["outside"] == (24 * 24 - 22 * 22) * 32 * 40
    assert run.stalls["fragmentation"] == 8 * 9 * 32 * 64
    assert run.stalls["barrier"] == run.stalls["idle_tile"] == run.stalls["zero_operand"] == 0


def test_gating_saves_energy_not_time():
    rng = np.random.default_rng(0)
    layer = conv2d("c", rng.random((16, 32, 3, 3)) < .4, rng.random((1, 32, 14, 14)) < .4, padding=1)
    plain, gated = (DCNN.run(layer, load_arch(name), EQUAL) for name in ("dcnn", "dcnn_opt"))
    assert (plain.cycles, plain.stalls) == (gated.cycles, gated.stalls)
    assert gated.counts["multiplies"] < .2 * plain.counts["multiplies"]


def test_strided_layers_meet_each_position_with_its_own_phase():
    """A 1 x 1 filter of stride 2 works on a quarter of the positions."""
    layer = conv2d("c", np.ones((8, 16, 1, 1), bool), np.ones((1, 16, 16, 16), bool), stride=2)
    run = DCNN.run(layer, load_arch("dcnn"), EQUAL)
    assert run.cycles == 8
    assert run.counts["activation_vector_reads"] == 64
