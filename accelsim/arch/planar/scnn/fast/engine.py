"""The fast engine of scnn: a layer is lowered, simulated and accounted.

    layer -> lowering (convolution, plan, blocks) -> compute (kernel) -> post-processing in time -> counts, traffic
"""

from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.planar.scnn.config import ScnnConfig
from accelsim.arch.planar.scnn.fast.bound import any_plane_policy_cycles
from accelsim.arch.planar.scnn.fast.compute import compute
from accelsim.arch.planar.scnn.fast.counts import count_vectors, counts, stalls
from accelsim.arch.planar.scnn.fast.lowering import lowered
from accelsim.arch.planar.scnn.fast.post_processing import lay_out, post_processing
from accelsim.arch.planar.scnn.fast.products import kept_products
from accelsim.arch.planar.scnn.fast.traffic import tiles
from accelsim.arch.planar.shared.fast.convolution import convolution_of
from accelsim.workload.layer import Layer


def run(layer: Layer, config: ScnnConfig, policy: Policy) -> LayerRun:
    """Simulate with the fast kernel. Raises UnsupportedLayerError if the accumulators cannot hold one position."""
    work = lowered(layer, config, policy)
    outcome = compute(layer, work, config)
    products, vectors = kept_products(layer, work, config), count_vectors(work)
    timeline = lay_out(outcome.compute_cycles.T.reshape(-1), *post_processing(work.conv, work.plan, config),
                       config.post == "overlapped")
    slots = config.pes * config.lanes
    where = stalls(work, config, outcome, products, vectors.steps, timeline)
    return LayerRun(timeline.cycles, slots, where, counts(work, config, products, vectors), work.plan.notes(),
                    work.plan.mapping() | {"oracle_cycles": -(-where["busy"] // slots)},
                    tiles=tiles(work, config, timeline.round_cycles),
                    work=work.plan.assignment.on_mesh(products.useful, (config.pe_rows, config.pe_cols)))


def bound_cycles(layer: Layer, config: ScnnConfig, run: LayerRun) -> int:
    """Cycles below which no policy can take this design."""
    return any_plane_policy_cycles(convolution_of(layer), config, run.stalls["busy"])
