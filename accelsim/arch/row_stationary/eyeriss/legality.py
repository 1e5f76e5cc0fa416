"""The mapping of a layer: the config's own or the policy's, whether it is legal, and how it cuts the layer.

Neutral between the engines: a mapping is an input to both [rules page, The mapping].
"""

from collections.abc import Callable, Iterator

from accelsim.arch.row_stationary.eyeriss.columns import tile_words
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling, RowStationaryMapping
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape, shape_of
from accelsim.errors import ConfigError
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


def mapping_for(layer: Layer, config: EyerissConfig,
                policy: Callable[[Layer, EyerissConfig], RowStationaryMapping]) -> RowStationaryMapping:
    """Raises ConfigError when a mapping is not legal, CapacityError when the policy finds none."""
    mapping = config.mappings.get(layer.name) or policy(layer, config)
    check(layer, mapping, config)
    return mapping


def tiling_of(shape: LayerShape, mapping: RowStationaryMapping, config: EyerissConfig) -> LoopTiling:
    """Tiles, strips, steps and chunks. A chunk of 0 items says that the sums of one row do not fit."""
    filter_tiles = -(-shape.filters // mapping.m0)
    channel_blocks, tap_blocks = -(-shape.channels // mapping.c0), -(-shape.taps // mapping.s0)
    strips = channel_blocks * shape.rows * tap_blocks
    steps = -(-strips // mapping.column)
    chunk = shape.items if steps == 1 else _chunk(shape, mapping, config)
    return LoopTiling(
        mapping.m0, mapping.c0, mapping.s0, mapping.column, mapping.row_lanes, mapping.filter_lanes,
        mapping.group_lanes, mapping.inner == "rows", mapping.compressed, filter_tiles, channel_blocks, tap_blocks,
        strips, steps, shape.items, chunk, -(-shape.groups // mapping.group_lanes),
        -(-filter_tiles // mapping.filter_lanes), -(-shape.items // max(1, chunk)))


def _chunk(shape: LayerShape, mapping: RowStationaryMapping, config: EyerissConfig) -> int:
    per_item = shape.out_cols * mapping.filter_lanes * mapping.m0 * mapping.group_lanes
    room = min(shape.items, config.glb_psums // per_item)
    if room == shape.items or room < mapping.row_lanes:
        return room
    return room // mapping.row_lanes * mapping.row_lanes


def check(layer: Layer, mapping: RowStationaryMapping, config: EyerissConfig) -> None:
    """Raises ConfigError, naming every rule that `mapping` breaks, what it asks for and what there is."""
    broken = [f"{what} is {asked:,}, wanted at most {limit:,}" for what, asked, limit
              in _demands(layer, shape_of(layer), mapping, config) if asked > limit]
    if mapping.compressed and config.pe == "gate":
        broken.append("compressed is true, but the PEs of this design only gate (pe: gate)")
    if mapping.compressed and shape_of(layer).depthwise:
        broken.append("compressed is true, but a depth-wise layer has nothing to skip in its columns")
    if not broken and tiling_of(shape_of(layer), mapping, config).chunk < 1:
        broken.append("the partial sums of one output row exceed the global buffer (glb_psum_bytes)")
    if broken:
        raise ConfigError(f"mappings: layer {layer.name!r} on {config.name!r}: " + "; ".join(broken)
                          + "; correct it, or leave the layer out of mappings for the policy to map it")


def _demands(layer: Layer, shape: LayerShape, mapping: RowStationaryMapping,
             config: EyerissConfig) -> Iterator[tuple[str, int, int]]:
    """(what, demand, limit) of every capacity."""
    yield "m0", mapping.m0, min(shape.filters, config.psum_words)
    yield "c0", mapping.c0, shape.channels
    yield "s0", mapping.s0, shape.taps
    yield "column", mapping.column, config.rows
    lanes = config.rows // mapping.column * config.cols
    yield ("row_lanes x filter_lanes x group_lanes",
           mapping.row_lanes * mapping.filter_lanes * mapping.group_lanes, lanes)
    yield "row_lanes", mapping.row_lanes, shape.items
    yield "filter_lanes", mapping.filter_lanes, -(-shape.filters // mapping.m0)
    yield "group_lanes", mapping.group_lanes, shape.groups
    yield "c0 x s0 (iact_words)", mapping.c0 * mapping.s0, config.iact_words
    if mapping.m0 > min(shape.filters, config.psum_words):
        return  # what follows looks at the tile's weights
    if not mapping.compressed:
        yield ("c0 x s0 x words of m0 weights (weight_words)",
               mapping.c0 * mapping.s0 * -(-mapping.m0 // config.macs_per_pe), config.weight_words)
        return
    yield "c0 x s0 (weight_addresses)", mapping.c0 * mapping.s0, config.weight_addresses
    yield "segments of a window (iact_addresses)", -(-mapping.s0 // shape.col_stride), config.iact_addresses
    yield ("iacts of a segment (2^count_bits)", mapping.c0 * min(shape.col_stride, mapping.s0), 1 << config.count_bits)
    yield ("words of the fullest weight tile (weight_words)",
           fullest_tile_words(layer, (mapping.m0, mapping.c0, mapping.s0), config), config.weight_words)


def fullest_tile_words(layer: Layer, tile: tuple[int, int, int], config: EyerissConfig) -> int:
    """Words of the largest compressed weight tile of (m0, c0, s0), from the real non-zeros."""
    return derived(layer, ("eyeriss fullest", tile, config.count_bits, config.macs_per_pe),
                   lambda: int(tile_words(layer, tile, config.count_bits, config.macs_per_pe).max()))
