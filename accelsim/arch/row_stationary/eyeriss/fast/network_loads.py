"""Loads of the three networks, pass by pass [rules page, Networks]: bits per port and link, and what they take."""

import numpy as np

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast.layout import (
    CHUNK_BITS,
    CHUNK_DRAM_BITS,
    COMPILED,
    IACT_CYCLES,
    IACT_HOP_BITS,
    INNER,
    LOADS,
    NEW_BITS,
    NEW_DRAM_BITS,
    PSUM_CYCLES,
    PSUM_HOP_BITS,
    STREAM_BITS,
    STREAM_DRAM_BITS,
    WEIGHT_BITS,
    WEIGHT_CYCLES,
    WEIGHT_HOP_BITS,
    lane_number,
    pass_at,
)
from accelsim.arch.row_stationary.eyeriss.fast.lowering import MovedBits, design_of
from accelsim.arch.row_stationary.eyeriss.fast.routes import routes
from accelsim.arch.row_stationary.eyeriss.mapping import LoopTiling
from accelsim.arch.row_stationary.eyeriss.shape import LayerShape


def run_networks(moved: MovedBits, shape: LayerShape, tiling: LoopTiling, config: EyerissConfig,
                 passes: int) -> np.ndarray:
    """The first `passes` passes: int64 [pass, column of `layout.LOADS`]."""
    loads, design = np.zeros((passes, LOADS), np.int64), design_of(config)
    streams, clusters = moved.stream_bits.size, config.clusters
    tiles, ways = tiling.group_lanes * tiling.filter_lanes, routes(config.cluster_rows, config.cluster_cols)
    _load_weights(moved.tile_bits, shape, tiling, design, loads, _empty(3 * config.rows * config.cluster_cols),
                  (_empty(tiles), _empty(tiles)))
    _load_iacts((moved.stream_bits.reshape(-1), moved.stream_dram_bits.reshape(-1), np.full(streams, -1)), shape,
                tiling, design, ways, loads,
                (_empty(config.glb_iact_banks * (2 * clusters + ways.links)), _empty(clusters),
                 _empty(clusters)))
    _load_psums(shape, tiling, design, loads, _empty(3 * config.cluster_rows * config.cols))
    return loads


def _empty(size: int) -> np.ndarray:
    return np.zeros(size, np.int64)


@INNER
def _taken(bits, width):
    """Cycles of the fullest of `bits`, which are emptied."""
    most = np.int64(0)
    for i in range(len(bits)):
        most = max(most, bits[i])
        bits[i] = 0
    return -(-most // width)


@COMPILED
def _load_weights(tile_bits, shape, tiling, design, loads, ports, chains):
    """Every distinct tile of each pass, along the chains of the array's rows.

    ports [(entering, on the link to the right, into the PEs) x array row x cluster column]. chains = (entered, last)
    [group lane x filter lane]: the first and the last cluster column of a tile in a band so far.
    """
    entered, last = chains
    of_kind = design.rows * design.cluster_cols
    lanes = tiling.row_lanes * tiling.filter_lanes
    for number in range(len(loads)):
        now, row = pass_at(tiling, number), loads[number]
        groups = min(tiling.group_lanes, shape.groups - now.group)
        filter_tiles = min(tiling.filter_lanes, tiling.filter_tiles - now.filter_tile)
        for h in range(groups):
            for f in range(filter_tiles):
                for i in range(now.strips):
                    row[WEIGHT_BITS] += tile_bits[now.group + h, now.filter_tile + f, now.strip + i]
        if design.flat:
            row[WEIGHT_CYCLES] = -(-row[WEIGHT_BITS] // design.weight_port)
            row[WEIGHT_HOP_BITS] = row[WEIGHT_BITS]
            continue
        for lane in range(groups * lanes):
            array_col, h, inner = lane % design.cols, lane // lanes, lane % lanes
            if array_col == 0:
                for tile in range(len(entered)):
                    entered[tile] = -1
            f = inner // tiling.row_lanes if tiling.inner_rows else inner % tiling.filter_lanes
            e = inner % tiling.row_lanes if tiling.inner_rows else inner // tiling.filter_lanes
            tile, cluster_col = h * tiling.filter_lanes + f, array_col // design.pe_cols
            if e >= now.items or f >= filter_tiles or (entered[tile] >= 0 and last[tile] == cluster_col):
                continue
            for i in range(now.strips):
                bits = tile_bits[now.group + h, now.filter_tile + f, now.strip + i]
                at = (lane // design.cols * tiling.column + i) * design.cluster_cols
                ports[2 * of_kind + at + cluster_col] += bits
                row[WEIGHT_HOP_BITS] += bits
                if entered[tile] < 0:
                    ports[at + cluster_col] += bits
                    continue
                row[WEIGHT_HOP_BITS] += bits * (cluster_col - last[tile])
                for col in range(last[tile], cluster_col):
                    ports[of_kind + at + col] += bits
            entered[tile] = last[tile] = cluster_col
        row[WEIGHT_CYCLES] = _taken(ports, design.weight_port)


@COMPILED
def _load_iacts(streams, shape, tiling, design, routes, loads, buffers):
    """Every needed stream of each pass, in ascending order.

    streams [stream]: bits, those in DRAM, and the chunk that needed it last, -1 for none. buffers = (ports [plane x
    (banks, ports into clusters, links)]; marked [cluster], 1 for the destinations of a stream; reached [cluster], those
    on its route, by stream number).
    """
    bits, dram_bits, needed_in = streams
    ports, marked, reached = buffers
    per_block = shape.rows * tiling.tap_blocks
    for pass_number in range(len(loads)):
        now, row, number = pass_at(tiling, pass_number), loads[pass_number], np.int64(0)
        last_item = now.item + now.items - 1
        first_image, last_image = now.item // shape.out_rows, last_item // shape.out_rows
        first_block = now.strip // per_block
        blocks = (now.strip + now.strips - 1) // per_block - first_block + 1
        images, tap_blocks = last_image - first_image + 1, tiling.tap_blocks
        for cluster in range(len(reached)):
            reached[cluster] = -1
        for each in range(min(tiling.group_lanes, shape.groups - now.group) * blocks * tap_blocks * images):
            image, b = first_image + each % images, each // images % tap_blocks
            k, h = first_block + each // (images * tap_blocks) % blocks, each // (images * tap_blocks * blocks)
            p = now.item % shape.out_rows if image == first_image else 0
            end_p = last_item % shape.out_rows + 1 if image == last_image else shape.out_rows
            first_y = p * shape.row_stride - shape.row_padding
            last_y = (end_p - 1) * shape.row_stride + (shape.rows - 1) * shape.row_dilation - shape.row_padding
            rows = (((now.group + h) * tiling.channel_blocks + k) * tap_blocks + b) * shape.images + image
            for y in range(max(0, first_y), min(shape.height, last_y + 1)):
                found = _destinations(shape, tiling, design, now, (h, k, b, image, y), marked)
                if found == 0:
                    continue
                stream = rows * shape.height + y
                row[STREAM_BITS] += bits[stream]
                row[STREAM_DRAM_BITS] += dram_bits[stream]
                if needed_in[stream] != now.chunk:
                    row[CHUNK_BITS] += bits[stream]
                    row[CHUNK_DRAM_BITS] += dram_bits[stream]
                    if needed_in[stream] < 0:
                        row[NEW_BITS] += bits[stream]
                        row[NEW_DRAM_BITS] += dram_bits[stream]
                    needed_in[stream] = now.chunk
                if not design.flat:
                    row[IACT_HOP_BITS] += _route(design, routes, bits[stream], number, found, buffers)
                number += 1
        row[IACT_CYCLES] = _taken(ports, design.iact_port)
        if design.flat:
            row[IACT_CYCLES], row[IACT_HOP_BITS] = -(-row[STREAM_BITS] // design.iact_port), row[STREAM_BITS]


@INNER
def _destinations(shape, tiling, design, now, stream, marked):
    """Mark the clusters of the PEs that need a stream; returns how many (flat: 1 if any PE does)."""
    h, k, b, image, y = stream
    found = 0
    for r in range(shape.rows):
        i = (k * shape.rows + r) * tiling.tap_blocks + b - now.strip
        at = y + shape.row_padding - r * shape.row_dilation
        if i < 0 or i >= now.strips or at < 0 or at % shape.row_stride:
            continue
        p = at // shape.row_stride
        place = image * shape.out_rows + p - now.item
        if p >= shape.out_rows or place < 0 or place >= now.items:
            continue
        if design.flat:
            return 1
        for f in range(min(tiling.filter_lanes, tiling.filter_tiles - now.filter_tile)):
            lane = lane_number(tiling, place % tiling.row_lanes, f, h)
            array_row = lane // design.cols * tiling.column + i
            cluster = array_row // design.pe_rows * design.cluster_cols + lane % design.cols // design.pe_cols
            found += 1 - marked[cluster]
            marked[cluster] = 1
    return found


@INNER
def _route(design, routes, bits, number, found, buffers):
    """Load the route of stream `number` to its `found` marked destinations, and unmark them; returns bits x hops."""
    ports, marked, reached = buffers
    clusters = len(marked)
    wanted, home = number // design.banks % found, 0
    first = number % design.banks * (2 * clusters + routes.links)
    while wanted > 0 or marked[home] == 0:
        wanted -= marked[home]
        home += 1
    ports[first + home] += bits
    reached[home] = number
    hops = found * bits
    for cluster in range(clusters):
        if marked[cluster] == 0:
            continue
        marked[cluster] = 0
        ports[first + clusters + cluster] += bits
        on_way = cluster
        while reached[on_way] != number:  # a cluster reached before has its way home loaded
            reached[on_way] = number
            ports[first + 2 * clusters + routes.link[home, on_way]] += bits
            hops += bits
            on_way = routes.before[home, on_way]
    return hops


@COMPILED
def _load_psums(shape, tiling, design, loads, ports):
    """The sums of every lane of each pass: out at the top of its column and, behind the first step, from the buffer to
    its foot. ports [(out, read, in) x cluster row x array column].
    """
    of_kind = design.cluster_rows * design.cols
    for number in range(len(loads)):
        now, row, one_way = pass_at(tiling, number), loads[number], np.int64(0)
        ways = 1 if now.first else 2
        for h in range(min(tiling.group_lanes, shape.groups - now.group)):
            for f in range(min(tiling.filter_lanes, tiling.filter_tiles - now.filter_tile)):
                filters = min(tiling.m0, shape.filters - (now.filter_tile + f) * tiling.m0)
                for e in range(min(tiling.row_lanes, now.items)):
                    lane = lane_number(tiling, e, f, h)
                    bits = -(-(now.items - e) // tiling.row_lanes) * shape.out_cols * filters * design.psum_bits
                    one_way += bits
                    array_row, array_col = lane // design.cols * tiling.column, lane % design.cols
                    top, foot = array_row // design.pe_rows, (array_row + now.strips - 1) // design.pe_rows
                    row[PSUM_HOP_BITS] += ways * bits * (1 + foot - top)
                    ports[top * design.cols + array_col] += bits
                    if not now.first:
                        ports[of_kind + top * design.cols + array_col] += bits
                        ports[2 * of_kind + foot * design.cols + array_col] += bits
        row[PSUM_CYCLES] = _taken(ports, design.psum_port)
        if design.flat:
            row[PSUM_CYCLES], row[PSUM_HOP_BITS] = -(-one_way // design.psum_port), ways * one_way
