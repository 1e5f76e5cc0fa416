"""The fast engine of Eager Pruning: one walk over a mask fills tile after tile, and loads meet streams."""

import numpy as np
from numba import njit

FIELDS = ("weights", "runs", "fragments", "owners", "begun", "ended", "channels", "new_channels", "reads", "mask_end")
WEIGHTS, RUNS, FRAGMENTS, OWNERS, BEGUN, ENDED, CHANNELS, NEW_CHANNELS, READS, MASK_END = range(len(FIELDS))


@njit(cache=True)
def owner_weights(mask):
    """Kept weights [owner] of `mask` bool [owner, depth, tap]."""
    counts = np.zeros(mask.shape[0], np.int64)
    for owner in range(mask.shape[0]):
        for bit in mask[owner].ravel():
            counts[owner] += bit
    return counts


@njit(cache=True)
def pack(mask, order, owners_per_group, meets, multipliers, group):
    """tiles int64 [tile, FIELDS], and work int64 [multiplier]: products that each makes.

    mask bool [owner, depth, tap]; meets int64 [tap]: positions with an operand for a tap. group: slots that only one
    owner may have a part of; 1 where gates are free, and then runs end with their owner alone.
    """
    depth, taps = mask.shape[1:]
    counts = owner_weights(mask)
    slots = 0
    for count in counts:
        slots += -(-count // group) * group
    tiles = np.zeros((-(-slots // multipliers), len(FIELDS)), np.int64)
    work = np.zeros(multipliers, np.int64)
    groups = -(-mask.shape[0] // owners_per_group)
    column_seen = np.full(groups * depth * taps, -1, np.int64)  # the last tile with a weight there
    channel_seen = np.full(groups * depth, -1, np.int64)
    slot = walked = 0
    for owner in order:
        left = counts[owner]
        last_tile = last_run = -1
        for d in range(depth):
            channel = owner // owners_per_group * depth + d
            for tap in range(taps):
                walked += 1
                if not mask[owner, d, tap]:
                    continue
                tile = tiles[slot // multipliers]
                number = slot // multipliers
                tile[WEIGHTS] += 1
                tile[MASK_END] = walked
                run = slot // group if group > 1 else number
                tile[RUNS] += run != last_run
                tile[OWNERS] += number != last_tile
                tile[BEGUN] += last_tile < 0
                last_run, last_tile = run, number
                left -= 1
                tile[ENDED] += left == 0
                column = channel * taps + tap
                if column_seen[column] != number:
                    column_seen[column] = number
                    tile[READS] += meets[tap]
                if channel_seen[channel] != number:
                    tile[CHANNELS] += 1
                    tile[NEW_CHANNELS] += channel_seen[channel] < 0
                    channel_seen[channel] = number
                work[slot % multipliers] += meets[tap]
                slot += 1
        if slot % group:
            rest = group - slot % group
            tiles[slot // multipliers, FRAGMENTS] += rest
            slot += rest
    return tiles, work


@njit(cache=True)
def stream_ends(weights, positions, load_width, double_buffer):
    """End of each tile's stream [tile], given its weights [tile]."""
    ends = np.zeros(len(weights), np.int64)
    begin = end = loaded = 0  # of the stream before, and the end of its load
    for tile in range(len(weights)):
        free = begin if double_buffer else end
        loaded = max(loaded, free) + -(-weights[tile] // load_width)
        begin = max(end, loaded)
        end = begin + positions
        ends[tile] = end
    return ends
