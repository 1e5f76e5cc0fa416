"""Eyeriss as the house sees it: names, the mapping of a layer, and the two engines.

Source: Chen et al., JETCAS 2019 (v2), ISCA 2016 and JSSC 2017 (v1); the rules, each with its source, are in
docs/machines/eyeriss.md. Exact: tiles, windows and passes on the real non-zeros, the bubble rule, the sums of a column
waiting for its slowest PE, loads of every port and link per pass. Abstracted: bursts within a pass, latencies of hops,
bank conflicts, the schedule that the papers do not print.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from accelsim.arch.base import LayerRun, Machine, Policy
from accelsim.arch.eyeriss import kernel, layout
from accelsim.arch.eyeriss.config import EyerissConfig
from accelsim.arch.eyeriss.legality import tiling_of
from accelsim.arch.eyeriss.lowering import Data, design_of, lower
from accelsim.arch.eyeriss.mapper import mapping_for
from accelsim.arch.eyeriss.mapping import Tiling
from accelsim.arch.eyeriss.networks import Routes, routes
from accelsim.arch.eyeriss.policies import POLICIES
from accelsim.arch.eyeriss.shape import Shape, shape_of
from accelsim.hw.energy import Action
from accelsim.hw.memory.tiles import Tiles
from accelsim.loads import PeWork
from accelsim.workload.layer import Layer


class Eyeriss(Machine):
    """The Eyeriss family. Slots are multipliers. Policies: see `accelsim.arch.eyeriss.policies`."""

    kind: ClassVar[str] = "eyeriss"
    version: ClassVar[int] = 3
    config = EyerissConfig
    stalls = ("busy", "ineffectual", "simd_idle", "bubble", "column", "psum", "barrier", "iact", "weight",
              "fragmentation")
    counts = ("macs", "gated_macs", "iact_address_reads", "iact_reads", "iact_writes", "weight_address_reads",
              "weight_reads", "weight_writes", "psum_reads", "psum_writes", "psum_passes", "glb_iact_read_bits",
              "glb_iact_write_bits", "glb_psum_reads", "glb_psum_writes", "iact_hop_bits", "weight_hop_bits",
              "psum_hop_bits", "dram_weight_bits", "dram_activation_bits", "dram_output_bits", "pe_cycles")
    policies = POLICIES
    stall_classes: ClassVar[Mapping[str, str]] = {
        "ineffectual": "compute", "simd_idle": "imbalance", "column": "imbalance", "barrier": "imbalance",
        "fragmentation": "imbalance"}
    mapping_keys = ("pe", "macs_per_pe", "psum_words", "count_bits")

    def run(self, layer: Layer, config: EyerissConfig, policy: Policy) -> LayerRun:
        """Raises ConfigError for a mapping that is not legal, CapacityError when none is."""
        shape = shape_of(layer)
        mapping = mapping_for(layer, config, policy)
        tiling = tiling_of(shape, mapping, config)
        per_pass, totals, busy = simulated(job_of(layer, shape, tiling, config), tiling.passes, config.pes)
        fetched = _fetched(tiling, config, per_pass)
        totals_by_name = {name: int(totals[getattr(layout, name.upper())]) for name in self.stalls}
        return LayerRun(
            cycles=int(per_pass[:, layout.CYCLES].sum()), slots=config.slots, stalls=totals_by_name,
            counts=dict(zip(self.counts, _counts(tiling, config, per_pass, totals, fetched), strict=True)),
            mapping=mapping.model_dump() | {"passes": tiling.passes,
                                            "mapped_pes": int(per_pass[0, layout.MAPPED_PES])},
            tiles=None if config.dram is None else _tiles(config, per_pass, fetched),
            work=PeWork.of(busy.reshape(config.rows, config.cols)))

    def actions(self, config: EyerissConfig) -> Mapping[str, Action]:
        """Priced by the width of what is accessed; with `dram` the memory timeline prices its bursts."""
        entry = config.value_bits + (config.count_bits if config.pe == "skip" else 0)
        wire, store = ("bus_bit", "buffer") if config.network == "flat" else ("hop_bit", "bank")
        width = 8 if config.value_bits <= 8 else 16
        dram = {} if config.dram else {
            "dram_weight_bits": Action("dram_bit", bits=1, data="weight"),
            "dram_activation_bits": Action("dram_bit", bits=1, data="activation"),
            "dram_output_bits": Action("dram_bit", bits=1, data="output")}
        return {
            "macs": Action(f"multiply_add_{width}"),
            "gated_macs": Action(f"gated_multiply_add_{width}"),
            "iact_address_reads": Action("iact_address", bits=config.iact_address_bits, data="activation"),
            "iact_reads": Action("iact_read", bits=entry, data="activation"),
            "iact_writes": Action("iact_write", bits=entry, data="activation"),
            "weight_address_reads": Action("weight_address", bits=config.weight_address_bits, data="weight"),
            "weight_reads": Action("weight_read", bits=entry * config.macs_per_pe, data="weight"),
            "weight_writes": Action("weight_write", bits=entry * config.macs_per_pe, data="weight"),
            "psum_reads": Action("psum_read", bits=config.psum_bits, data="output"),
            "psum_writes": Action("psum_write", bits=config.psum_bits, data="output"),
            "psum_passes": Action("psum_pass", bits=config.psum_bits, data="output"),
            "glb_iact_read_bits": Action(f"{store}_read", bits=1, data="activation"),
            "glb_iact_write_bits": Action(f"{store}_write", bits=1, data="activation"),
            "glb_psum_reads": Action(f"{store}_read", bits=config.psum_bits, data="output"),
            "glb_psum_writes": Action(f"{store}_write", bits=config.psum_bits, data="output"),
            "iact_hop_bits": Action(wire, bits=1, data="activation"),
            "weight_hop_bits": Action(wire, bits=1, data="weight"),
            "psum_hop_bits": Action(wire, bits=1, data="output"),
            "pe_cycles": Action("pe_cycle", bits=config.value_bits * config.macs_per_pe),
        } | dram

    def waiting_counts(self, config: EyerissConfig, cycles: int) -> Mapping[str, int]:
        """The clock runs on."""
        return {"pe_cycles": config.pes * cycles}

    def sram_kbytes(self, config: EyerissConfig) -> float:
        """Global buffer and the data scratchpads of all PEs (without their addresses)."""
        entry = config.value_bits + (config.count_bits if config.pe == "skip" else 0)
        pe_bits = config.iact_words * entry + config.weight_words * config.macs_per_pe * entry \
            + config.psum_words * config.psum_bits
        return (config.clusters * (config.glb_iact_bytes + config.glb_psum_bytes) * 8 + config.pes * pe_bits) / 8192


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
    ).without_resident(config.resident_weights, config.resident_activations)
