"""The fast engine of dcnn: a layer is lowered and accounted. A dense machine's time is geometry, whole arrays of it.

    layer -> lowering (convolution, plan, products formed) -> counts, traffic
"""

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.dcnn.fast.bound import any_plane_policy_cycles
from accelsim.arch.planar.dcnn.fast.counts import counts, stalls, work_of_pes
from accelsim.arch.planar.dcnn.fast.lowering import lowered
from accelsim.arch.planar.dcnn.fast.traffic import tiles
from accelsim.arch.planar.shared.fast.convolution import convolution_of
from accelsim.workload.layer import Layer


def run(layer: Layer, config: DcnnConfig, policy: Policy) -> LayerRun:
    """Simulate. Raises UnsupportedLayerError when the accumulators cannot hold one position's outputs."""
    work = lowered(layer, config, policy)
    return LayerRun(int(work.round_cycles.sum()) * work.conv.images, config.pes * config.dot_width,
                    stalls(layer, work, config), counts(layer, work, config), work.plan.notes(), work.plan.mapping(),
                    tiles=tiles(layer, work, config), work=work_of_pes(work, config))


def bound_cycles(layer: Layer, config: DcnnConfig, run: LayerRun) -> int:
    """Cycles below which no policy can take this design."""
    return any_plane_policy_cycles(convolution_of(layer), config)
