"""Inputs counted: the scans of the data before the kernels."""

import numpy as np

from accelsim.arch.row_stationary.eyeriss.fast.layout import COMPILED


@COMPILED
def sum_rows(rows):
    """The sum of each row."""
    sums = np.empty(rows.shape[0], np.int32)
    for i in range(rows.shape[0]):
        total = 0
        for x in range(rows.shape[1]):
            total += rows[i, x]
        sums[i] = total
    return sums


@COMPILED
def count_runs(iacts, touched, c0, reach):
    """Entries of the run-length code of every stream, int64 [group, channel block, tap block, image, row] of iacts
    [image, group, channel, row, column]; a placeholder is `reach` zeros."""
    images, groups, channels, height, width = iacts.shape
    blocks = -(-channels // c0)
    found = np.zeros((groups, blocks, touched.shape[0], images, height), np.int64)
    for n in range(images):
        for g in range(groups):
            for k in range(blocks):
                for b in range(touched.shape[0]):
                    for y in range(height):
                        gap, total = 0, 0
                        for x in range(width):
                            if touched[b, x]:
                                for c in range(k * c0, min(channels, (k + 1) * c0)):
                                    if iacts[n, g, c, y, x]:
                                        total += 1 + gap // reach
                                        gap = 0
                                    else:
                                        gap += 1
                        found[g, k, b, n, y] = total
    return found
