"""A layer on tensor cores: one grid for all its products."""

from accelsim.arch.gpu.tensor_core.config import MAX_RATE, TensorCoreConfig
from accelsim.arch.gpu.tensor_core.reference.grid import CtaGrid
from accelsim.arch.gpu.tensor_core.reference.machine import GridRun
from accelsim.arch.gpu.tensor_core.reference.operands import prepare
from accelsim.arch.machine import Alone, LayerRun, Policy
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import assemble, matrix_products

STALLS = ("busy", "operand_zero", "padding", "imbalance", "shared_memory", "prologue", "copy", "metadata",
          "mma_latency", "epilogue", "tail_wave", "write_back", "reduction", "launch")
COUNTS = ("macs", "zero_multiplies", "padding_multiplies", "mma_instructions", "register_bytes", "accumulator_updates",
          "shared_read_bytes", "shared_write_bytes", "metadata_bytes", "l2_read_bytes", "l2_write_bytes",
          "l2_reduction_bytes", "dram_read_bytes", "dram_write_bytes", "k_steps", "ctas")


def run(layer: Layer, config: TensorCoreConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: the parameters of docs/machines/tensor_core.md as attributes, tiles by name. policy: (lines[row x taps +
    tap, channel], n, m) -> the order of channels, or None for a layer that runs dense.
    Raises TraceError for a pattern-only layer, UnsupportedLayerError for one that breaks N:M or that no tile fits,
    ModelError when the policy's order is none.
    """
    layer.check_values()
    products = list(matrix_products(layer))
    operands = prepare(layer, products, config, policy)
    grid = CtaGrid(layer.name, operands, config)
    machine = GridRun(grid, config)
    machine.run()
    stalls = machine.stalls()
    results = [result if product.bias is None else result + product.bias
               for product, result in zip(products, machine.outputs(), strict=True)]
    slots_of_ctas = config.sms * grid.occupancy
    mapping = {"tile": grid.tile.name, "runs": operands.runs, "occupancy": grid.occupancy, "slices": len(grid.slices),
               "waves": -(-len(grid.ctas) // slots_of_ctas),
               "most_ctas_per_sm": max(len(sm.cta_ends) for sm in machine.sms),
               "issue_cycles": sum(step.issue_cycles for step in machine.steps)}
    return LayerRun(machine.cycles, machine.slots, {name: stalls[name] for name in STALLS},
                    {name: machine.counts[name] for name in COUNTS}, mapping=mapping, output=assemble(layer, results),
                    work=machine.work(), memory=None if config.dram is None else machine.memory.account(),
                    alone=None if config.dram is None else alone(grid, config))


def alone(grid: CtaGrid, config: TensorCoreConfig) -> Alone:
    """The same grid once more, where whatever is missed has been read in the cycle after."""
    machine = GridRun(grid, config.model_copy(update={"dram": None, "dram_bytes_per_cycle": MAX_RATE,
                                                      "dram_latency_cycles": 0}))
    machine.run()
    stalls = machine.stalls()
    return Alone(machine.cycles, {name: stalls[name] for name in STALLS})
