"""Systolic arrays as the house sees them: names, lowering, and the two engines.

Sources: Jouppi et al., ISCA 2017 (TPU); SCALE-Sim (output-stationary timing); the cycles that the TeAAL artifact lists
for a 128 x 128 array beside SIGMA. The rules, each with its source, are in docs/machines/systolic.md. Exact: tiling,
loads, skew, drain, double buffering, to the cycle and the PE. Abstracted: accumulators hold every output; without
`dram`, operand buffers of any size.
"""

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from accelsim.arch.base import LayerRun, Machine, Policy
from accelsim.arch.systolic.bound import any_tiles_cycles
from accelsim.arch.systolic.config import SystolicConfig
from accelsim.arch.systolic.kernel import Array, Work, multiplications, run_output_stationary, run_stationary
from accelsim.arch.systolic.policies import POLICIES
from accelsim.arch.systolic.tiling import SUM_BITS, WORD_BITS, product_tiles
from accelsim.errors import ModelError
from accelsim.hw.energy import Action
from accelsim.hw.memory.tiles import Tiles
from accelsim.loads import PeWork
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

AREA_MM2 = 65.10 / 1.377  # [SIGMA paper]: SIGMA, 65.10 mm2, is 37.7 % larger than this array; 28 nm


class Systolic(Machine):
    """Dense matrix products on a grid of PEs. Policies: see `accelsim.arch.systolic.policies`."""

    kind: ClassVar[str] = "systolic"
    version: ClassVar[int] = 1
    config = SystolicConfig
    stalls = ("busy", "ineffectual", "unused", "load", "fill", "drain")
    counts = ("macs", "dense_macs", "stationary_reads", "streaming_reads", "operand_moves", "psum_moves",
              "accumulator_writes", "accumulator_reads", "outputs_written")
    policies = POLICIES
    stall_classes: ClassVar[Mapping[str, str]] = {"ineffectual": "compute", "unused": "imbalance"}
    mapping_keys = ()  # what is kept are the products and their MACs: any design uses them

    def run(self, layer: Layer, config: SystolicConfig, policy: Policy) -> LayerRun:
        total, chosen = np.zeros(len(Work._fields), object), dict.fromkeys(("ws", "is", "os"), 0)
        macs = outputs = 0
        tiles: list[Tiles] = []
        shapes: Counter[tuple[int, int, int]] = Counter()  # (extent along rows, along columns, length of a stream)
        array = Array(config.rows, config.cols, config.double_buffer, checked(policy))
        for index, product in enumerate(kept_products(layer)):
            dataflow, work = fastest(product, config, array)
            if config.dram is not None:
                tiles.append(product_tiles(layer, product, dataflow, work, array, config))
            total += np.array(work, object)
            chosen[dataflow] += 1
            shapes[_on_array(product, dataflow)] += 1
            macs += _effectual_macs(layer, index, product)
            outputs += len(product.matrix) * len(product.vectors)
        work = Work(*map(int, total))
        stalls = (macs, work.dense_macs - macs, work.unused, work.load, work.fill, work.drain)
        counts = (macs, *work[Work._fields.index("dense_macs"):], outputs)
        gemms = sum(chosen.values())
        return LayerRun(
            cycles=work.cycles, slots=config.rows * config.cols,
            stalls=dict(zip(self.stalls, stalls, strict=True)), counts=dict(zip(self.counts, counts, strict=True)),
            notes=(f"run as {gemms:,} GEMMs (one per group), one after the other",) if gemms > 1 else (),
            mapping={f"gemms_{name}": count for name, count in chosen.items()},
            tiles=None if config.dram is None else Tiles.joined(tiles).without_resident(
                config.resident_weights, config.resident_activations),
            work=PeWork.of_products([multiplications(*shape, array, times) for shape, times in shapes.items()],
                                    ("busy", "ineffectual")),
        )

    def actions(self, config: SystolicConfig) -> Mapping[str, Action]:
        return {
            "dense_macs": Action("multiply_add"),
            "stationary_reads": Action("data_sram_read", bits=WORD_BITS),
            "streaming_reads": Action("data_sram_read", bits=WORD_BITS),
            "operand_moves": Action("register_write", bits=WORD_BITS),
            "psum_moves": Action("register_write", bits=SUM_BITS),
            "accumulator_writes": Action("accumulator_write", bits=SUM_BITS),
            "accumulator_reads": Action("accumulate", bits=SUM_BITS),
            "outputs_written": Action("data_sram_write", bits=SUM_BITS),
        }

    def bound_cycles(self, layer: Layer, config: SystolicConfig, run: LayerRun) -> int:
        dataflows = ("ws", "is") if config.dataflow == "best" else (config.dataflow,)
        products = Counter(tuple(_on_array(product, name) for name in dataflows) for product in kept_products(layer))
        return sum(times * min(any_tiles_cycles(*extents, name, config.rows, config.cols, config.double_buffer)
                               for name, extents in zip(dataflows, shapes, strict=True))
                   for shapes, times in products.items())

    def area_mm2(self, config: SystolicConfig) -> float | None:
        """The area implied by SIGMA's paper for 16,384 bf16 PEs in a square, else None."""
        return AREA_MM2 if (config.rows, config.cols) == (128, 128) else None


def checked(policy: Policy) -> Policy:
    """The policy, refused when it gives a tile that is empty or larger than the array."""

    def tile_height(extent: int, size: int) -> int:
        height = int(policy(extent, size))
        if not 1 <= height <= min(extent, size):
            raise ModelError(f"the policy cuts an extent of {extent} on {size} PEs into tiles of {height}; "
                             f"wanted 1 .. {min(extent, size)}")
        return height

    return tile_height


def fastest(product: MatrixProduct, config: SystolicConfig, array: Array) -> tuple[str, Work]:
    """The configured dataflow, or the faster of weight- and input-stationary (the former if equal), and its work."""
    if config.dataflow == "os":
        return "os", run_output_stationary(*_on_array(product, "os"), array)
    names = ("ws", "is") if config.dataflow == "best" else (config.dataflow,)
    return min(((name, run_stationary(*_on_array(product, name), array)) for name in names),
               key=lambda pair: pair[1].cycles)


def _on_array(product: MatrixProduct, dataflow: str) -> tuple[int, int, int]:
    """Extents along the rows and the columns of the array, and the length of a tile's stream."""
    (m, k), n = product.matrix.shape, len(product.vectors)
    return {"ws": (k, m, n), "is": (k, n, m), "os": (m, n, k)}[dataflow]


def _effectual_macs(layer: Layer, index: int, product: MatrixProduct) -> int:
    return derived(layer, ("effectual macs", index),
                   lambda: int(column_nonzeros(product.matrix) @ column_nonzeros(product.vectors)))
