"""The fast engine of eyeriss: a layer is lowered, simulated and accounted."""

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import kernel, layout
from accelsim.arch.row_stationary.eyeriss.fast.legality import tiling_of
from accelsim.arch.row_stationary.eyeriss.fast.lowering import Data, design_of, lower
from accelsim.arch.row_stationary.eyeriss.fast.mapper import mapping_for
from accelsim.arch.row_stationary.eyeriss.fast.networks import Routes, routes
from accelsim.arch.row_stationary.eyeriss.machine import Eyeriss
from accelsim.arch.row_stationary.eyeriss.mapping import Tiling
from accelsim.arch.row_stationary.eyeriss.shape import Shape, shape_of
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer

STALLS = names(Eyeriss.stalls)
COUNTS = ("macs", "gated_macs", "iact_address_reads", "iact_reads", "iact_writes", "weight_address_reads",
          "weight_reads", "weight_writes", "psum_reads", "psum_writes", "psum_passes", "glb_iact_read_bits",
          "glb_iact_write_bits", "glb_psum_reads", "glb_psum_writes", "iact_hop_bits", "weight_hop_bits",
          "psum_hop_bits", "dram_weight_bits", "dram_activation_bits", "dram_output_bits", "pe_cycles")


def run(layer: Layer, config: EyerissConfig, policy: Policy) -> LayerRun:
    """Raises ConfigError for a mapping that is not legal, CapacityError when none is."""
    shape = shape_of(layer)
    mapping = mapping_for(layer, config, policy)
    tiling = tiling_of(shape, mapping, config)
    per_pass, totals, busy = simulated(job_of(layer, shape, tiling, config), tiling.passes, config.pes)
    fetched = _fetched(tiling, config, per_pass)
    totals_by_name = {name: int(totals[getattr(layout, name.upper())]) for name in STALLS}
    return LayerRun(
        cycles=int(per_pass[:, layout.CYCLES].sum()), slots=config.slots, stalls=totals_by_name,
        counts=dict(zip(COUNTS, _counts(tiling, config, per_pass, totals, fetched), strict=True)),
        mapping=mapping.model_dump() | {"passes": tiling.passes,
                                        "mapped_pes": int(per_pass[0, layout.MAPPED_PES])},
        tiles=_tiles(config, per_pass, fetched),
        work=PeWork.of(busy.reshape(config.rows, config.cols)))


def job_of(layer: Layer, shape: Shape, tiling: Tiling, config: EyerissConfig) -> layout.Job:
    """What the kernel runs."""
    data: Data = lower(layer, shape, tiling, config)
    ways: Routes = routes(config.cluster_rows, config.cluster_cols)
    return layout.Job(data, shape, tiling, design_of(config), ways, layout.strips_of(shape, tiling))


def simulated(job: layout.Job, passes: int, pes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(per_pass [pass, column], totals [total], busy [PE]) of the kernel."""
    per_pass = np.zeros((passes, layout.COLUMNS), np.int64)
    totals, busy = np.zeros(layout.TOTALS, np.int64), np.zeros(pes, np.int64)
    kernel.simulate(job, per_pass, totals, busy)
    return per_pass, totals, busy


def _fetched(tiling: Tiling, config: EyerissConfig, per_pass: np.ndarray) -> np.ndarray:
    """int64 [pass, (network's form, DRAM's form)]: bits of inputs that each pass fetches."""
    if per_pass[:, layout.NEW_BITS].sum() <= config.glb_iact_bits:
        return per_pass[:, [layout.NEW_BITS, layout.NEW_DRAM_BITS]]
    chunks = per_pass[:, layout.CHUNK_BITS].reshape(-1, tiling.steps).sum(axis=1)
    stays = np.repeat(chunks <= config.glb_iact_bits, tiling.steps)[:, None]
    return np.where(stays, per_pass[:, [layout.CHUNK_BITS, layout.CHUNK_DRAM_BITS]],
                    per_pass[:, [layout.STREAM_BITS, layout.STREAM_DRAM_BITS]])


def _counts(tiling: Tiling, config: EyerissConfig, per_pass: np.ndarray, totals: np.ndarray,
            fetched: np.ndarray) -> list[int]:
    """In the order of `Eyeriss.counts`."""
    def total(name: str) -> int:
        return int(totals[getattr(layout, name)])

    glb_writes, dram_reads = fetched.sum(axis=0).tolist()
    return [total("MACS"), total("GATED_MACS"), total("IACT_ADDRESS_READS"), total("IACT_READS"), total("IACT_WRITES"),
            total("IACT_READS") if tiling.compressed else 0, total("WEIGHT_READS"), total("WEIGHT_WRITES"),
            total("MACS") + total("DRAINED"), total("MACS"), total("PSUM_PASSES"),
            int(per_pass[:, layout.STREAM_BITS].sum()), glb_writes, total("GLB_PSUM_READS"),
            total("GLB_PSUM_WRITES"), total("IACT_HOP_BITS"), total("WEIGHT_HOP_BITS"), total("PSUM_HOP_BITS"),
            int(per_pass[:, layout.WEIGHT_BITS].sum()), dram_reads,
            int(per_pass[:, layout.OUTPUTS].sum()) * config.value_bits,
            config.pes * int(per_pass[:, layout.CYCLES].sum())]


def _tiles(config: EyerissConfig, per_pass: np.ndarray, fetched: np.ndarray) -> Tiles:
    """A tile is a pass, which loads its weights."""
    return Tiles.of(
        per_pass[:, layout.CYCLES], per_pass[:, layout.WEIGHT_BITS], fetched[:, 1],
        per_pass[:, layout.OUTPUTS] * config.value_bits, per_pass[:, layout.WEIGHT_CYCLES],
    )
