"""The fast engine of tensor_core: a layer is lowered, simulated and accounted."""

from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.gpu.tensor_core.config import MAX_RATE, TensorCoreConfig
from accelsim.arch.gpu.tensor_core.fast import state, traffic
from accelsim.arch.gpu.tensor_core.fast.dram import dram_of
from accelsim.arch.gpu.tensor_core.fast.kernel import run_grid
from accelsim.arch.gpu.tensor_core.fast.operands import condensed, grid_of, grids_of_any_policy, plain_blocks
from accelsim.arch.gpu.tensor_core.fast.tiles import LaunchGrid, TileShape, choose
from accelsim.arch.gpu.tensor_core.machine import TensorCore
from accelsim.arch.machine import Alone, LayerRun, Policy
from accelsim.errors import UnsupportedLayerError
from accelsim.hw.memory.tiles import LayerMemory
from accelsim.result.work import PeWork
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer

_IDLE = {"shared_memory": state.SHARED, "prologue": state.PROLOGUE, "copy": state.COPY,
         "metadata": state.METADATA_WAIT, "mma_latency": state.MMA_LATENCY, "epilogue": state.EPILOGUE,
         "tail_wave": state.TAIL}
STALLS, COUNTS = names(TensorCore.stalls), names(TensorCore.counts)


def run(layer: Layer, config: TensorCoreConfig, policy: Policy) -> LayerRun:
    launch = launched(layer, config, grid_of(layer, config, policy))
    return LayerRun(
        cycles=launch.cycles, slots=config.slots,
        stalls={name: launch.stalls[name] for name in STALLS},
        counts={name: launch.counts[name] for name in COUNTS},
        mapping=launch.mapping, work=launch.work, memory=launch.memory,
        alone=None if config.dram is None else launch.without_dram(layer),
    )


class Setup(NamedTuple):
    """What the kernel takes for a grid, and the instructions of all its steps."""

    math: state.Math
    layout: state.Layout
    rates: traffic.Rates
    blocks: np.ndarray
    issue_cycles: np.ndarray
    instructions: int


class Launch:
    """One layer's grid on the GPU: what the kernel counted, priced in slot-cycles."""

    def __init__(self, layer: Layer, config: TensorCoreConfig, grid: LaunchGrid, shape: TileShape,
                 setup: Setup) -> None:
        self.config, self.grid, self.shape, self.setup = config, grid, shape, setup
        self.macs = layer.macs_effectual
        self.slices = grid.slices(shape.tile, config.split_k)
        self._simulate()
        last_end, self.dram = int(self.totals[state.LAST_CTA_END]), dram_of(config)
        overflow_bytes = max(0, int(self.moved[traffic.L2_WRITE]) - config.l2_bytes)
        self.dram_cycles = self.dram.cycles(int(self.moved[traffic.DRAM_READ]) + self.dram.whole_bursts(overflow_bytes))
        self.grid_cycles = max(last_end, self.dram_cycles)
        self.write_back_cycles = self.grid_cycles - last_end
        self.steps = int(self.totals[state.STEPS])
        outputs = grid.products * grid.rows * grid.vectors
        self.partial_bits = outputs * self.slices * config.accumulator_bits if self.slices > 1 else 0
        self.reduced_bits = outputs * config.output_bits if self.slices > 1 else 0
        moved = -(-(self.partial_bits + self.reduced_bits) // (8 * config.l2_bytes_per_cycle))
        self.reduction_cycles = moved + config.l2_latency_cycles if self.slices > 1 else 0

    def _simulate(self) -> None:
        setup = self.setup
        gpu = state.new_state(setup.math, setup.layout, setup.blocks)
        run_grid(setup.math, setup.layout, setup.rates, setup.issue_cycles, gpu)
        state.finish(gpu)
        self.totals, self.moved, self.issued_cycles = gpu.totals, gpu.memory.meters, gpu.sm_state[:, state.ISSUED]

    def without_dram(self, layer: Layer) -> Alone:
        """The same grid behind a DRAM that is as fast as an L2 can be and adds no latency: what no copy waits for."""
        config = self.config.model_copy(update={"dram": None, "dram_bytes_per_cycle": MAX_RATE,
                                                "dram_latency_cycles": 0})
        rates = self.setup.rates.behind(dram_of(config))
        launch = Launch(layer, config, self.grid, self.shape, self.setup._replace(rates=rates))
        return Alone(launch.cycles, launch.stalls)

    @property
    def cycles(self) -> int:
        return self.config.launch_cycles + self.grid_cycles + self.reduction_cycles

    @property
    def _multiplies(self) -> tuple[int, int]:
        """Multiplications issued, and those of them inside real extents."""
        config, grid = self.config, self.grid
        issued = self.setup.instructions * config.mma_m * config.mma_n * config.mma_k
        if grid.runs == "dual_side":
            return issued, issued
        kept_k = grid.k * config.nm_keep // config.nm_group if grid.runs == "n_m" else grid.k
        return issued, grid.products * grid.rows * grid.vectors * kept_k

    @property
    def stalls(self) -> dict[str, int]:
        config = self.config
        issued, real = self._multiplies
        per_sm = config.sub_cores_per_sm * config.multipliers_per_core
        return {
            "busy": self.macs, "operand_zero": real - self.macs, "padding": issued - real,
            "imbalance": int(self.totals[state.ISSUE]) * per_sm - issued,
            **{name: int(self.totals[place]) * per_sm for name, place in _IDLE.items()},
            "write_back": self.write_back_cycles * config.slots,
            "reduction": self.reduction_cycles * config.slots, "launch": config.launch_cycles * config.slots,
        }

    @property
    def counts(self) -> dict[str, int]:
        config, moved = self.config, [int(n) for n in self.moved]
        issued, real = self._multiplies
        group, keep = (config.nm_group, config.nm_keep) if self.grid.runs == "n_m" else (1, 1)
        operand_bits = (config.mma_m * keep + config.mma_n * group) * config.mma_k * config.operand_bits  # x keep
        written = moved[traffic.L2_WRITE]
        return {
            "macs": self.macs, "zero_multiplies": real - self.macs, "padding_multiplies": issued - real,
            "mma_instructions": self.setup.instructions,
            "register_bytes": self.setup.instructions * -(-operand_bits // (8 * keep)),
            "accumulator_updates": self.setup.instructions * config.mma_m * config.mma_n,
            "shared_read_bytes": int(self.totals[state.SHARED_READ]),
            "shared_write_bytes": int(self.totals[state.SHARED_WRITE]),
            "metadata_bytes": moved[traffic.METADATA], "l2_read_bytes": moved[traffic.L2_READ],
            "l2_write_bytes": written + -(-self.reduced_bits // 8), "l2_reduction_bytes": -(-self.partial_bits // 8),
            "dram_read_bytes": moved[traffic.DRAM_READ], "dram_write_bytes": self.dram.whole_bursts(written),
            "k_steps": self.steps, "ctas": self.grid.ctas(self.shape.tile, config.split_k),
        }

    @property
    def memory(self) -> LayerMemory | None:
        if self.config.dram is None:
            return None
        exact = {"dram_read_bits": traffic.MISSED, "dram_write_bits": traffic.L2_WRITE}
        return LayerMemory({}, {name: 8 * int(self.moved[place]) for name, place in exact.items()}, self.dram_cycles)

    @property
    def work(self) -> PeWork:
        """Of each SM: slot-cycles of its multipliers while its busiest sub-core issues."""
        per_sm = self.config.sub_cores_per_sm * self.config.multipliers_per_core
        return PeWork.of(self.issued_cycles[None] * per_sm, ("busy", "operand_zero", "padding", "imbalance"))

    @property
    def mapping(self) -> dict[str, Any]:
        ctas = self.grid.ctas(self.shape.tile, self.config.split_k)
        return {
            "tile": self.shape.tile.name, "runs": self.grid.runs, "occupancy": self.shape.occupancy,
            "slices": self.slices,
            "waves": -(-ctas // (self.config.sms * self.shape.occupancy)),
            "most_ctas_per_sm": int(self.totals[state.MOST_CTAS]), "issue_cycles": int(self.totals[state.ISSUE]),
        }


def launched(layer: Layer, config: TensorCoreConfig, grid: LaunchGrid) -> Launch:
    """The grid of `layer`, run in the tiles that the design chooses."""
    shape = choose(grid, config, layer.name)
    return Launch(layer, config, grid, shape, setup_of(layer, config, grid, shape))


def setup_of(layer: Layer, config: TensorCoreConfig, grid: LaunchGrid, shape: TileShape) -> Setup:
    """The grid of `layer` in tiles of `shape`."""
    tile_m, tile_n, tile_k, stages = shape.tile
    rows, columns = grid.tiles(shape.tile)
    issue, chain = np.array([shape.issue_cycles]), shape.inner * config.mma_latency_cycles
    steps, slices = -(-grid.k // tile_k), grid.slices(shape.tile, config.split_k)
    instructions = grid.products * rows * columns * steps * shape.warps[0] * shape.warps[1] * shape.warp_instructions
    if grid.runs == "dual_side":
        key = ("tensor_core condensed", shape.tile, shape.warps, config.mma_m, config.mma_n, config.operand_bits,
               config.sub_cores_per_sm)
        busiest, instructions, blocks = derived(layer, key, lambda: condensed(layer, grid, shape, config))
        issue, chain = busiest.ravel() * config.mma_issue_cycles, 0
    else:
        blocks = plain_blocks(layer, grid, shape, config)
    b_readers, a_readers = shape.warps
    dram = dram_of(config)
    copies = grid.ctas(shape.tile, config.split_k) * -(-steps // slices) * 4
    dram.check_range(copies * dram.whole_bursts(int(blocks.table[:, traffic.SIZE].max())))
    filled = min(shape.occupancy, -(-grid.ctas(shape.tile, config.split_k) // config.sms))  # slots ever used per SM
    return Setup(
        state.Math(config.sms, filled, stages, chain, config.mma_latency_cycles, config.shared_bytes_per_cycle,
                    a_readers, b_readers),
        state.Layout(grid.products, rows, columns, steps, slices, config.swizzle, grid.rows, grid.vectors, tile_m,
                      tile_n, config.accumulator_bits if slices > 1 else config.output_bits),
        traffic.Rates(config.port_bytes_per_cycle, config.l2_bytes_per_cycle, config.l2_latency_cycles, config.l2_bytes,
                      *dram, *blocks.first),
        blocks.table, issue, instructions)


def bound_cycles(layer: Layer, config: TensorCoreConfig, run: LayerRun) -> int:
    """The fewest cycles of what a policy decides: compressed or dense."""
    cycles = []
    for grid in grids_of_any_policy(layer, config):
        with suppress(UnsupportedLayerError):  # no tile fits that way; the other one has run
            cycles.append(launched(layer, config, grid).cycles)
    return min(cycles)
