"""Mappings: what is legal, that every multiply-accumulate is done once, and what the mapper finds."""

from itertools import product

import numpy as np
import pytest
from arch.eyeriss.designs import SMALL, any_mapping, design, legal_mapping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim import ConfigError, simulate, testing
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.legality import check, tiling_of
from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.policies import POLICIES
from accelsim.arch.row_stationary.eyeriss.shape import shape_of, weight_mask
from accelsim.errors import CapacityError
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear

DRAWS = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow,
                                        HealthCheck.data_too_large], deadline=None)
DESIGNS = (
    design(**SMALL), design(**SMALL, weight_words=8, iact_words=6, psum_words=4, count_bits=1, glb_psum_bytes=40),
    design(**SMALL, macs_per_pe=3, weight_addresses=3, iact_addresses=1, count_bits=2),
    design("eyeriss_v1", pe_rows=4, pe_cols=3, weight_words=9, glb_psum_bytes=60),
)


def words_of_tile(layer: Layer, config: EyerissConfig, filters: range, channels: range, row: int, taps: range,
                  group: int) -> int:
    """Words of a compressed weight tile, straight from the page."""
    mask, words = weight_mask(layer, shape_of(layer)), 0
    for c, s in product(channels, taps):
        entries = gap = 0
        for m in filters:
            if mask[group, m, c, row, s]:
                while gap > 2 ** config.count_bits - 1:
                    entries, gap = entries + 1, gap - 2 ** config.count_bits
                entries, gap = entries + 1, 0
            else:
                gap += 1
        words += -(-entries // config.macs_per_pe)
    return words


def is_legal(layer: Layer, m: RowStationaryMapping, config: EyerissConfig) -> bool:
    """The rules page's list, with loops over every tile."""
    shape = shape_of(layer)
    tiles = -(-shape.filters // m.m0)
    lanes = config.cluster_rows * config.pe_rows // m.column * config.cluster_cols * config.pe_cols
    if m.m0 > shape.filters or m.c0 > shape.channels or m.s0 > shape.taps or m.column > config.rows:
        return False
    if m.row_lanes * m.filter_lanes * m.group_lanes > lanes or m.row_lanes > shape.items or m.filter_lanes > tiles \
            or m.group_lanes > shape.groups or m.c0 * m.s0 > config.iact_words or m.m0 > config.psum_words:
        return False
    steps = -(-(-(-shape.channels // m.c0) * shape.rows * -(-shape.taps // m.s0)) // m.column)
    per_row = config.psum_bits * shape.out_cols * m.filter_lanes * m.m0 * m.group_lanes
    if steps > 1 and 8 * config.glb_psum_bytes * config.clusters < per_row:
        return False
    if not m.compressed:
        return m.c0 * m.s0 * -(-m.m0 // config.macs_per_pe) <= config.weight_words
    if config.pe == "gate" or shape.depthwise or m.c0 * m.s0 > config.weight_addresses:
        return False
    segment = m.c0 * min(shape.col_stride, m.s0)
    if -(-m.s0 // shape.col_stride) > config.iact_addresses or segment > 2**config.count_bits:
        return False
    return all(words_of_tile(layer, config, f, c, r, s, g) <= config.weight_words for f, c, s, r, g in product(
        blocks(shape.filters, m.m0), blocks(shape.channels, m.c0), blocks(shape.taps, m.s0), range(shape.rows),
        range(shape.groups)))


def blocks(size: int, tile: int) -> list[range]:
    return [range(start, min(size, start + tile)) for start in range(0, size, tile)]


@given(data=st.data(), layer=testing.layers(size=9), config=st.sampled_from(DESIGNS))
@DRAWS
def test_legal_is_what_the_page_says(data, layer, config):
    mapping = data.draw(any_mapping(layer, config))
    if is_legal(layer, mapping, config):
        check(layer, mapping, config)
    else:
        with pytest.raises(ConfigError, match="mappings: layer"):
            check(layer, mapping, config)


@given(layer=testing.layers(size=9), config=st.sampled_from(DESIGNS), policy=st.sampled_from(sorted(POLICIES)))
@DRAWS
def test_the_mapper_finds_legal_mappings(layer, config, policy):
    try:
        mapping = POLICIES[policy](layer, config)
    except CapacityError:
        smallest = RowStationaryMapping(compressed=False, m0=1, c0=1, s0=1, column=1, row_lanes=1, filter_lanes=1,
                                        group_lanes=1, inner="rows")
        assert not is_legal(layer, smallest, config)
        return
    assert is_legal(layer, mapping, config)
    assert mapping == POLICIES[policy](layer, config)


@given(data=st.data(), layer=testing.layers(size=8), config=st.sampled_from(DESIGNS))
@DRAWS
def test_every_multiply_accumulate_is_done_once(data, layer, config):
    """Passes, lanes and strips of the page, walked in plain loops: each (g, m, c, r, s, item) meets one PE once."""
    mapping = data.draw(legal_mapping(layer, config))
    shape = shape_of(layer)
    tiling = tiling_of(shape, mapping, config)
    done = np.zeros((shape.groups, shape.filters, shape.channels, shape.rows, shape.taps, shape.items), np.int64)
    lanes = config.rows // mapping.column * config.cols
    for tg, tm, chunk, z in np.ndindex(tiling.group_rounds, tiling.filter_rounds, tiling.chunks, tiling.steps):
        pes = set()
        for lane, i in product(range(lanes), range(mapping.column)):
            row, col = lane // config.cols * mapping.column + i, lane % config.cols
            assert row < config.rows
            assert (row, col) not in pes, "one PE, one strip"
            pes.add((row, col))
            e, f = lane % mapping.row_lanes, lane // mapping.row_lanes % mapping.filter_lanes
            if mapping.inner == "filters":
                e, f = lane // mapping.filter_lanes % mapping.row_lanes, lane % mapping.filter_lanes
            h = lane // (mapping.row_lanes * mapping.filter_lanes)
            g, t, strip = tg * mapping.group_lanes + h, tm * mapping.filter_lanes + f, z * mapping.column + i
            if h >= mapping.group_lanes or g >= shape.groups or t >= tiling.filter_tiles or strip >= tiling.strips:
                continue
            b, kr = strip % tiling.tap_blocks, strip // tiling.tap_blocks
            items = range(chunk * tiling.chunk, min(tiling.items, (chunk + 1) * tiling.chunk))[e::mapping.row_lanes]
            done[g, t * mapping.m0:(t + 1) * mapping.m0,
                 kr // shape.rows * mapping.c0:(kr // shape.rows + 1) * mapping.c0, kr % shape.rows,
                 b * mapping.s0:(b + 1) * mapping.s0, list(items)] += 1
    assert (done == 1).all()
    assert tiling.passes == tiling.group_rounds * tiling.filter_rounds * tiling.chunks * tiling.steps


@pytest.mark.small
def test_a_mapping_of_ones_own():
    layer = linear("fc", np.ones((8, 6), np.int8), np.ones(6, np.int8))
    own = {"compressed": True, "m0": 4, "c0": 3, "s0": 1, "column": 2, "row_lanes": 1, "filter_lanes": 2,
           "group_lanes": 1, "inner": "filters"}
    result = simulate(layer, "eyeriss_v2", set={"mappings": {"fc": own}})
    assert {key: result.layers[0].mapping[key] for key in own} == own
    assert result.layers[0].mapping["passes"] == 1
    with pytest.raises(ConfigError, match=r"layer 'fc' on 'eyeriss_v2': row_lanes is 2, wanted at most 1; correct it"):
        simulate(layer, "eyeriss_v2", set={"mappings": {"fc": own | {"row_lanes": 2}}})
    with pytest.raises(ConfigError, match="the PEs of this design only gate"):
        simulate(layer, "eyeriss_v1", set={"mappings": {"fc": own}})
    with pytest.raises(ConfigError, match="mO"):
        simulate(layer, "eyeriss_v2", set={"mappings": {"fc": own | {"mO": 1}}})


@pytest.mark.small
def test_a_tile_may_be_nominally_larger_than_the_scratchpad():
    """m0 x c0 x s0 = 384 as in the paper's example of CONV5, 192 weights at most: it depends on the real non-zeros."""
    sparse = np.zeros((32, 4, 3, 3), bool)
    sparse[::2] = True
    tile = RowStationaryMapping(compressed=True, m0=32, c0=4, s0=3, column=3, row_lanes=1, filter_lanes=1,
                                group_lanes=1, inner="rows")
    plane = np.ones((1, 4, 5, 5), bool)
    check(conv2d("c", sparse, plane), tile, design())
    sparse[1, 0, 0, 0] = True  # the 17th entry of a column: a 97th word
    with pytest.raises(ConfigError, match=r"fullest weight tile \(weight_words\) is 97, wanted at most 96"):
        check(conv2d("c", sparse, plane), tile, design())


@pytest.mark.small
def test_sums_of_a_row_that_fit_nowhere():
    layer = conv2d("c", np.ones((1, 64, 1, 1), bool), np.ones((1, 64, 1, 40), bool))
    with pytest.raises(CapacityError, match=r"sums of one output row of one filter are 40 words, the global buffer "
                                            r"holds 12 \(short of 28\); raise glb_psum_bytes"):
        simulate(layer, "eyeriss_v1", set={"glb_psum_bytes": 30, "pe_rows": 2, "pe_cols": 2})
