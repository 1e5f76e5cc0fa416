"""Eager Pruning: the tiles that a third party's rules count, and what of the paper is not compared."""

from functools import cache

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import measured
from accelsim.validation.target import Exact
from accelsim.workload.matmul import linear

TILES = {  # seed, weights of a dense kernel: groups of a fixed array, tiles of a packed one, by multipliers
    (11, 576): {8: (937, 909), 16: (485, 455), 32: (258, 228)}, (12, 36): {8: (87, 60), 16: (64, 30), 32: (64, 15)}}


@cache
def tiles(arch: str, seed: int, length: int, multipliers: int) -> int:
    """Of 64 kernels with as many weights as a binomial of 20 % draws, on one group of multipliers."""
    counts = np.random.default_rng(seed).binomial(length, .2, 64)
    layer = linear("drawn", (np.arange(length) < counts[:, None]).astype(np.int8), np.ones((3, length), np.int8))
    found: int = measured(layer, arch, multipliers=multipliers, group=multipliers,
                          phases=["forward"]).layers[0].mapping["forward_tiles"]
    return found


CHAPTER = Chapter(
    "eager_pruning", "Eager Pruning", ("eager_pruning",),
    exact="tiles of weights, packed and in fixed groups",
    abstracted="rules are from third parties: the paper could not be read. When to prune is not part of a run",
    groups=(Group("Tiles", "worked out by others from the rules", "64 kernels, a binomial of 20 % each", tuple(
        Claim(f"{name}.{seed}.{size}", f"{name} tiles, {length} weights dense, {size} multipliers", Exact(counted[at]),
              lambda case=(arch, seed, length, size): tiles(*case))
        for (seed, length), by_size in TILES.items() for size, counted in by_size.items()
        for at, (name, arch) in enumerate((("fixed", "eager_pruning_rigid"), ("packed", "eager_pruning"))))),),
    unchecked=(("1.91x over the baseline", "needs the masks of its training runs, which are not public"),
               ("up to 40 % (the survey)", "not said of what, nor over what")))
