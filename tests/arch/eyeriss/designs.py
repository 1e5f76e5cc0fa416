"""Small designs, and legal mappings of all kinds: the mapper alone would show the twins only what it likes."""

from hypothesis import assume
from hypothesis import strategies as st

from accelsim import load_arch
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.legality import check
from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.shape import shape_of
from accelsim.errors import ConfigError
from accelsim.workload.layer import Layer

SMALL = {"cluster_rows": 2, "cluster_cols": 2, "pe_rows": 2, "pe_cols": 2}


def design(arch: str = "eyeriss_v2", **changes: object) -> EyerissConfig:
    """A preset with changes."""
    config = load_arch(arch, changes)
    assert isinstance(config, EyerissConfig)
    return config


@st.composite
def any_mapping(draw: st.DrawFn, layer: Layer, config: EyerissConfig) -> RowStationaryMapping:
    """A mapping that may or may not be legal, often nearly so."""
    shape = shape_of(layer)
    m0 = draw(st.integers(1, shape.filters + 1))
    column = draw(st.integers(1, config.rows + 1))
    lanes = max(1, config.rows // column * config.cols)
    rows = draw(st.integers(1, min(shape.items, lanes)))
    filters = draw(st.integers(1, max(1, min(-(-shape.filters // m0), lanes // rows))))
    groups = draw(st.integers(1, max(1, min(shape.groups, lanes // (rows * filters)))))
    return RowStationaryMapping(compressed=draw(st.booleans()), m0=m0, c0=draw(st.integers(1, shape.channels)),
                   s0=draw(st.integers(1, shape.taps)), column=column, row_lanes=rows, filter_lanes=filters,
                   group_lanes=groups, inner=draw(st.sampled_from(["rows", "filters"])))


@st.composite
def legal_mapping(draw: st.DrawFn, layer: Layer, config: EyerissConfig) -> RowStationaryMapping:
    """A legal one, not the mapper's."""
    mapping = draw(any_mapping(layer, config))
    try:
        check(layer, mapping, config)
    except ConfigError:
        assume(False)
    return mapping
