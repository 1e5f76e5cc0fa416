"""How many products a layer's blocks make: sums over blocks, which need no order of steps."""

from typing import NamedTuple

import numpy as np
from numba import njit

from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast.lowering import ScnnWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer


class Products(NamedTuple):
    """useful [part, tile]: products that land in the output plane; multiplies: products of two non-zeros; pairs: pairs
    of entries. They depend on the layer and its mapping alone."""

    useful: np.ndarray
    multiplies: int
    pairs: int


def kept_products(layer: Layer, lowered: ScnnWork, config: ScnnConfig) -> Products:
    """`count_products`, found again by the next design point with the same blocks."""
    plan = lowered.plan
    key = ("scnn products", plan.rows.key, plan.cols.key, plan.kc, plan.assignment.parts, config.index_bits)
    products: Products = derived(layer, key, lambda: count_products(lowered))
    return products


def count_products(layer: ScnnWork) -> Products:
    """Over all rounds, images and temporal tiles."""
    parts = layer.lanes.parts
    useful = np.zeros((parts, layer.plan.assignment.pes // parts), np.int64)
    multiplies = _count(layer.activations, layer.weights, layer.landing, useful)
    pairs = layer.entries.sum(axis=(2, 3, 4, 5, 6)) * layer.weights.counts.sum(axis=0)
    return Products(useful, multiplies, int(pairs.sum()))


@njit(cache=True, nogil=True)
def _count(activations, weights, landing, useful):
    """Fills useful; returns the products of two non-zeros. Both sum over the weights of a block first."""
    parts, tiles = useful.shape
    groups, channels, phases = weights.starts.shape
    by_tap = np.zeros(landing.codes.shape[1], np.int64)
    hits = np.zeros(1 + landing.classes_max, np.int64)
    multiplies = 0
    for channel in range(channels):
        for phase in range(phases):
            held = channel * phases + phase
            first, last = activations.begins[held], activations.begins[held + 1]
            for part in range(parts if first < last else 0):
                by_tap[:] = 0
                for group in range(part, groups, parts):
                    begin = weights.starts[group, channel, phase]
                    for entry in range(begin, begin + weights.counts[group, channel, phase]):
                        if weights.taps[entry] >= 0:
                            by_tap[weights.taps[entry]] += 1
                real = by_tap.sum()
                if real == 0:
                    continue
                for class_ in range(landing.sizes[phase]):
                    hits[1 + class_] = 0
                    for tap in range(by_tap.size):
                        if landing.codes[landing.begins[phase] + class_, tap] >= 0:
                            hits[1 + class_] += by_tap[tap]
                nonzeros = 0
                for n in range(first, last):
                    landed = 0
                    for class_ in activations.classes[activations.starts[n]:activations.ends[n]]:
                        nonzeros += class_ > 0
                        landed += hits[class_]
                    useful[part, activations.units[n] % tiles] += landed
                multiplies += nonzeros * real
    return multiplies
