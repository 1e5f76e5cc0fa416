"""What the tests of Eyeriss's reference run: one PE with one multiplier, unless a test asks for more."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from accelsim.arch.machine import LayerRun
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.reference import COUNTS, STALLS, run
from accelsim.workload.conv2d import Conv2d, conv2d
from accelsim.workload.layer import Layer

ONE_PE = {
    "name": "small", "clock_mhz": 200.0, "energy_table": "none", "cluster_rows": 1, "cluster_cols": 1, "pe_rows": 1,
    "pe_cols": 1, "macs_per_pe": 1, "pe": "skip", "network": "hierarchical", "pipeline_stages": 7, "iact_words": 16,
    "iact_addresses": 9, "weight_words": 96, "weight_addresses": 16, "psum_words": 32, "value_bits": 8,
    "count_bits": 4, "psum_bits": 20, "iact_address_bits": 4, "weight_address_bits": 7, "glb_iact_banks": 3,
    "glb_iact_bytes": 4608, "glb_psum_bytes": 7680, "iact_port_bits": 24, "weight_port_bits": 24,
    "psum_port_bits": 40,
}
ONES = {"compressed": True, "m0": 1, "c0": 1, "s0": 1, "column": 1, "row_lanes": 1, "filter_lanes": 1,
         "group_lanes": 1, "inner": "rows"}


@pytest.fixture(scope="session")
def small() -> Callable[..., EyerissConfig]:
    """small(key=value...): one PE with one multiplier and the published sizes, with other keys."""
    return lambda **changes: EyerissConfig(**{**ONE_PE, **changes})


@pytest.fixture(scope="session")
def mapped() -> Callable[..., RowStationaryMapping]:
    """mapped(key=value...): the compressed mapping of ones, with other values."""
    return lambda **changes: RowStationaryMapping(**{**ONES, **changes})


@pytest.fixture(scope="session")
def simulate(small: Callable[..., EyerissConfig],
             mapped: Callable[..., RowStationaryMapping]) -> Callable[..., LayerRun]:
    """simulate(layer, mapping's values, key=value...): the reference on the small design; the laws hold."""
    def simulated(layer: Layer, mapping: Mapping[str, Any], **changes: Any) -> LayerRun:
        config = small(**changes)
        result = run(layer, config, lambda *_: mapped(**mapping))
        _assert_laws(layer, config, result)
        return result
    return simulated


@pytest.fixture(scope="session")
def check() -> Callable[..., None]:
    """check(run, cycles, stalls, count=n...): cycles, all stalls but zeros, and some counts as worked out by hand."""
    def checked(result: LayerRun, cycles: int, stalls: dict[str, int], **counts: int) -> None:
        assert result.cycles == cycles
        assert {name: n for name, n in result.stalls.items() if n} == stalls
        assert {name: result.counts[name] for name in counts} == counts
    return checked


@pytest.fixture(scope="session")
def row_layer() -> Callable[..., Conv2d]:
    """row_layer(weight [M, C, S], iact [C, W]): a convolution of planes of one row."""
    def make(weight: list, iact: list, **geometry: Any) -> Conv2d:
        return conv2d("row", np.array(weight)[:, :, None], np.array(iact)[None, :, None], **geometry)
    return make


@pytest.fixture(scope="session")
def assert_laws() -> Callable[..., None]:
    """assert_laws(layer, config, run)."""
    return _assert_laws


def _assert_laws(layer: Layer, config: EyerissConfig, result: LayerRun) -> None:
    """What holds for every layer, design and mapping."""
    assert result.output is not None
    assert result.output.dtype == np.int64
    np.testing.assert_array_equal(result.output, layer.output(), strict=True)
    assert (tuple(result.stalls), tuple(result.counts), result.slots) == (STALLS, COUNTS, config.slots)
    assert min(result.stalls.values()) >= 0
    assert sum(result.stalls.values()) == config.slots * result.cycles
    counts, stalls = result.counts, result.stalls
    assert stalls["busy"] == layer.macs_effectual
    assert counts["macs"] + counts["gated_macs"] == stalls["busy"] + stalls["ineffectual"]
    assert counts["psum_writes"] == counts["macs"]
    assert counts["glb_psum_reads"] == counts["glb_psum_writes"]
    assert counts["dram_output_bits"] == layer.output().size * config.value_bits
    assert counts["glb_iact_write_bits"] <= counts["glb_iact_read_bits"]
    if result.mapping["compressed"]:
        assert counts["macs"] == layer.macs_effectual
        assert counts["weight_address_reads"] == counts["iact_reads"]
    else:
        assert counts["macs"] + counts["gated_macs"] == layer.macs_dense
        assert stalls["bubble"] == counts["iact_address_reads"] == counts["weight_address_reads"] == 0
