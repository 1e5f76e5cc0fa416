"""Loads of the three networks in one pass [rules page, Networks]: bits per port and link, and what they take."""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.row_stationary.eyeriss.fast.layout import (
    CHUNK_BITS,
    CHUNK_DRAM_BITS,
    NEW_BITS,
    NEW_DRAM_BITS,
    STREAM_BITS,
    STREAM_DRAM_BITS,
)


class Loads(NamedTuple):
    """Scratch of the networks: bits per port and link, zero between passes but for the marks.

    banks [bank x clusters], links [bank x links], into [bank x clusters]: iacts, plane outermost. rows, along, pes
    [array row, cluster column]: weights entering, on the link to the right, into the PEs. out, read, bottom [cluster
    row, array column]: psums. marked [cluster]: destinations of a stream; reached [cluster]: clusters on its route, by
    stream number; entered, last [group lane x filter tile lane]: the weights of a band. needed_in [stream]: the chunk
    that needed it last, -1 for none; kept from pass to pass.
    """

    banks: np.ndarray
    links: np.ndarray
    into: np.ndarray
    rows: np.ndarray
    along: np.ndarray
    pes: np.ndarray
    out: np.ndarray
    read: np.ndarray
    bottom: np.ndarray
    marked: np.ndarray
    reached: np.ndarray
    entered: np.ndarray
    last: np.ndarray
    needed_in: np.ndarray


@njit(cache=True)
def network_scratch(tiling, design, routes, streams):
    """Empty loads; streams: the axes of streams."""
    clusters = design.cluster_rows * design.cluster_cols
    tiles = tiling.group_lanes * tiling.filter_lanes
    return Loads(
        np.zeros(design.banks * clusters, np.int64), np.zeros(design.banks * max(1, routes.links), np.int64),
        np.zeros(design.banks * clusters, np.int64), np.zeros((design.rows, design.cluster_cols), np.int64),
        np.zeros((design.rows, design.cluster_cols), np.int64), np.zeros((design.rows, design.cluster_cols), np.int64),
        np.zeros((design.cluster_rows, design.cols), np.int64), np.zeros((design.cluster_rows, design.cols), np.int64),
        np.zeros((design.cluster_rows, design.cols), np.int64), np.zeros(clusters, np.bool_),
        np.full(clusters, -1, np.int64), np.full(tiles, -1, np.int64), np.zeros(tiles, np.int64),
        np.full(streams, -1, np.int64))


@njit(cache=True)
def _taken(loads, port):
    """Cycles of the fullest of `loads`, which are emptied."""
    most = loads.max()
    loads[:] = 0
    return -(-most // port)


@njit(cache=True)
def weight_network(data, shape, tiling, design, now, loads):
    """(cycles, bits of distinct tiles, bits x hops) of a pass."""
    distinct = np.int64(0)
    for g in range(now.group, min(shape.groups, now.group + tiling.group_lanes)):
        for t in range(now.filter_tile, min(tiling.filter_tiles, now.filter_tile + tiling.filter_lanes)):
            for j in range(now.strip, now.strip + now.strips):
                distinct += data.tile_bits[g, t, j]
    if design.flat:
        return -(-distinct // design.weight_port), distinct, distinct
    hops = np.int64(0)
    for band in range(design.rows // tiling.column):
        hops += _band_weights(data, shape, tiling, design, now, band, loads)
    cycles = np.int64(0)
    for one in (loads.rows, loads.along, loads.pes):
        cycles = max(cycles, _taken(one.reshape(-1), design.weight_port))
    return cycles, distinct, hops


@njit(cache=True)
def _band_weights(data, shape, tiling, design, now, band, loads):
    """Load the chains of a band's rows; returns bits x hops."""
    loads.entered[:] = -1
    hops = np.int64(0)
    for array_col in range(design.cols):
        e, f, h = lane_at(band * design.cols + array_col, tiling)
        g, t = now.group + h, now.filter_tile + f
        if h >= tiling.group_lanes or g >= shape.groups or t >= tiling.filter_tiles or e >= now.items:
            continue
        tile, cluster_col = h * tiling.filter_lanes + f, array_col // design.pe_cols
        if loads.entered[tile] >= 0 and loads.last[tile] == cluster_col:
            continue
        for i in range(now.strips):
            bits, array_row = data.tile_bits[g, t, now.strip + i], band * tiling.column + i
            loads.pes[array_row, cluster_col] += bits
            hops += bits
            if loads.entered[tile] < 0:
                loads.rows[array_row, cluster_col] += bits
            else:
                loads.along[array_row, loads.last[tile]:cluster_col] += bits
                hops += bits * (cluster_col - loads.last[tile])
        loads.entered[tile] = loads.last[tile] = cluster_col
    return hops


@njit(cache=True)
def iact_network(job, now, loads, row):
    """(cycles, bits x hops) of a pass; its bits go to `row` of per_pass."""
    data, shape, tiling, design = job.data, job.shape, job.tiling, job.design
    hops, number = np.int64(0), np.int64(0)
    per_block = shape.rows * tiling.tap_blocks
    last_strip, last_item = now.strip + now.strips - 1, now.item + now.items - 1
    loads.reached[:] = -1
    for h in range(min(tiling.group_lanes, shape.groups - now.group)):
        for k in range(now.strip // per_block, last_strip // per_block + 1):
            for b in range(tiling.tap_blocks):
                for image in range(now.item // shape.out_rows, last_item // shape.out_rows + 1):
                    for y in range(shape.height):
                        found = _destinations(shape, tiling, design, now, (h, k, b, image, y), loads)
                        if found == 0:
                            continue
                        stream = (now.group + h, k, b, image, y)
                        _note(data, stream, now.chunk, loads.needed_in, row)
                        if not design.flat:
                            hops += _route(design, job.routes, data.stream_bits[stream], number, found, loads)
                        number += 1
    if design.flat:
        return -(-row[STREAM_BITS] // design.iact_port), row[STREAM_BITS]
    cycles = max(_taken(loads.banks, design.iact_port), _taken(loads.links, design.iact_port))
    return max(cycles, _taken(loads.into, design.iact_port)), hops


@njit(cache=True)
def _note(data, stream, chunk, needed_in, row):
    """Add a needed stream to the bits of its pass."""
    bits, dram_bits = data.stream_bits[stream], data.stream_dram_bits[stream]
    row[STREAM_BITS] += bits
    row[STREAM_DRAM_BITS] += dram_bits
    if needed_in[stream] == chunk:
        return
    row[CHUNK_BITS] += bits
    row[CHUNK_DRAM_BITS] += dram_bits
    if needed_in[stream] < 0:
        row[NEW_BITS] += bits
        row[NEW_DRAM_BITS] += dram_bits
    needed_in[stream] = chunk


@njit(cache=True)
def _destinations(shape, tiling, design, now, stream, loads):
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
        e = place % tiling.row_lanes
        for f in range(min(tiling.filter_lanes, tiling.filter_tiles - now.filter_tile)):
            lane = h * tiling.row_lanes * tiling.filter_lanes
            lane += f * tiling.row_lanes + e if tiling.inner_rows else e * tiling.filter_lanes + f
            array_row = lane // design.cols * tiling.column + i
            cluster = array_row // design.pe_rows * design.cluster_cols + lane % design.cols // design.pe_cols
            if not loads.marked[cluster]:
                loads.marked[cluster] = True
                found += 1
    return found


@njit(cache=True)
def _route(design, routes, bits, number, found, loads):
    """Load the route of stream `number` to its `found` marked destinations, and unmark them; returns bits x hops."""
    clusters = len(loads.marked)
    plane, wanted, seen, home = number % design.banks, number // design.banks % found, 0, 0
    for cluster in range(clusters):
        if loads.marked[cluster]:
            if seen == wanted:
                home = cluster
                break
            seen += 1
    loads.banks[plane * clusters + home] += bits
    loads.reached[home] = number
    hops = found * bits
    for cluster in range(clusters):
        if not loads.marked[cluster]:
            continue
        loads.marked[cluster] = False
        loads.into[plane * clusters + cluster] += bits
        on_way = np.int64(cluster)
        while loads.reached[on_way] != number:  # a cluster reached before has its way home loaded
            loads.reached[on_way] = number
            loads.links[plane * routes.links + routes.link[home, on_way]] += bits
            hops += bits
            on_way = np.int64(routes.before[home, on_way])
    return hops


@njit(cache=True)
def psum_network(shape, tiling, design, now, loads):
    """(cycles, bits x hops) of a pass."""
    hops, one_way = np.int64(0), np.int64(0)
    ways = 1 if now.first else 2
    for lane in range(design.rows // tiling.column * design.cols):
        e, f, h = lane_at(lane, tiling)
        t = now.filter_tile + f
        if h >= tiling.group_lanes or now.group + h >= shape.groups or t >= tiling.filter_tiles or e >= now.items:
            continue
        filters = min(tiling.m0, shape.filters - t * tiling.m0)
        bits = -(-(now.items - e) // tiling.row_lanes) * shape.out_cols * filters * design.psum_bits
        one_way += bits
        array_row, array_col = lane // design.cols * tiling.column, lane % design.cols
        top, bottom = array_row // design.pe_rows, (array_row + now.strips - 1) // design.pe_rows
        hops += ways * bits * (1 + bottom - top)
        loads.out[top, array_col] += bits
        if not now.first:
            loads.read[top, array_col] += bits
            loads.bottom[bottom, array_col] += bits
    most = max(_taken(loads.out.reshape(-1), design.psum_port), _taken(loads.read.reshape(-1), design.psum_port))
    most = max(most, _taken(loads.bottom.reshape(-1), design.psum_port))
    if design.flat:
        return -(-one_way // design.psum_port), ways * one_way
    return most, hops


@njit(cache=True)
def lane_at(lane, tiling):
    """(row lane, filter lane, group lane) of a lane."""
    h = lane // (tiling.row_lanes * tiling.filter_lanes)
    if tiling.inner_rows:
        return lane % tiling.row_lanes, lane // tiling.row_lanes % tiling.filter_lanes, h
    return lane // tiling.filter_lanes % tiling.row_lanes, lane % tiling.filter_lanes, h
