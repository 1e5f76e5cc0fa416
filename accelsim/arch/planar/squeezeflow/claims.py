"""SqueezeFlow: what its abstract says of VGG-16, bounded by published densities."""

from functools import cache

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import measured
from accelsim.validation.target import Range
from accelsim.workload.synthetic import draw_trace
from accelsim.workload.trace import Trace


@cache
def cycles(dense: bool) -> int:
    drawn = draw_trace("vgg16:deep_compression", 0, layers="conv*").layers
    layers = [layer.with_weight(np.ones_like(layer.weight)) for layer in drawn] if dense else drawn
    return measured(Trace(layers, "convolutions"), "squeezeflow", skip_zero_tiles=False).cycles


CHAPTER = Chapter(
    "squeezeflow", "SqueezeFlow", ("squeezeflow",), exact="broadcasts of real weights",
    abstracted="rules are from third parties: no full paper could be read; shifting, filling and writing back are "
               "hidden",
    groups=(Group("VGG-16, weights alone", "IEEE TC 2019, abstract: 2.9x; 3.05x is the bound of published densities",
                  "weights drawn with Deep Compression's densities, seed 0; no tile of zeros is skipped", (
                      Claim("vgg16", "speed-up over the same layers with no weight zero", Range(2.7, 3.05),
                            lambda: cycles(True) / cycles(False), "x"),), seconds=4),),
    unchecked=(("1.8x in speed, 1.5x in energy over other sparse designs", "neither designs nor traces are known"),
               ("4.80 mm2, 536.09 mW in 65 nm", "number of PEs and sizes of buffers are not known")))
