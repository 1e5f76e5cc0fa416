"""The fast engine of systolic: a layer is lowered, simulated and accounted."""

from collections import Counter

import numpy as np

from accelsim.arch.facts import names
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.systolic.shared.fast.array import ArrayDesign, ProductWork, multiplications, run_stationary
from accelsim.arch.systolic.systolic.config import SystolicConfig
from accelsim.arch.systolic.systolic.fast.bound import any_tiles_cycles
from accelsim.arch.systolic.systolic.fast.kernel import run_output_stationary
from accelsim.arch.systolic.systolic.fast.traffic import product_tiles
from accelsim.arch.systolic.systolic.machine import Systolic
from accelsim.errors import ModelError
from accelsim.hw.memory.tiles import Tiles
from accelsim.result.work import PeWork
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, kept_products

STALLS, COUNTS = names(Systolic.stalls), names(Systolic.counts)


def run(layer: Layer, config: SystolicConfig, policy: Policy) -> LayerRun:
    total, chosen = np.zeros(len(ProductWork._fields), object), dict.fromkeys(("ws", "is", "os"), 0)
    macs = outputs = 0
    tiles: list[Tiles] = []
    shapes: Counter[tuple[int, int, int]] = Counter()  # (extent along rows, along columns, length of a stream)
    array = ArrayDesign(config.rows, config.cols, config.double_buffer, checked(policy))
    for index, product in enumerate(kept_products(layer)):
        dataflow, work = fastest(product, config, array)
        tiles.append(product_tiles(layer, product, dataflow, work, array, config))
        total += np.array(work, object)
        chosen[dataflow] += 1
        shapes[_on_array(product, dataflow)] += 1
        macs += _effectual_macs(layer, index, product)
        outputs += len(product.matrix) * len(product.vectors)
    work = ProductWork(*map(int, total))
    stalls = (macs, work.dense_macs - macs, work.unused, work.load, work.fill, work.drain)
    counts = (macs, *work[ProductWork._fields.index("dense_macs"):], outputs)
    return LayerRun(
        cycles=work.cycles, slots=config.rows * config.cols,
        stalls=dict(zip(STALLS, stalls, strict=True)), counts=dict(zip(COUNTS, counts, strict=True)),
        mapping={f"gemms_{name}": count for name, count in chosen.items()},
        tiles=Tiles.joined(tiles),
        work=PeWork.of_products([multiplications(*shape, array, times) for shape, times in shapes.items()],
                                ("busy", "ineffectual")),
    )


def checked(policy: Policy) -> Policy:
    """The policy, refused when it gives a tile that is empty or larger than the array."""

    def tile_height(extent: int, size: int) -> int:
        height = int(policy(extent, size))
        if not 1 <= height <= min(extent, size):
            raise ModelError(f"the policy cuts an extent of {extent} on {size} PEs into tiles of {height}; "
                             f"wanted 1 .. {min(extent, size)}")
        return height

    return tile_height


def fastest(product: MatrixProduct, config: SystolicConfig, array: ArrayDesign) -> tuple[str, ProductWork]:
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


def bound_cycles(layer: Layer, config: SystolicConfig, run: LayerRun) -> int:
    dataflows = ("ws", "is") if config.dataflow == "best" else (config.dataflow,)
    products = Counter(tuple(_on_array(product, name) for name in dataflows) for product in kept_products(layer))
    return sum(times * min(any_tiles_cycles(*extents, name, config.rows, config.cols, config.double_buffer)
                           for name, extents in zip(dataflows, shapes, strict=True))
               for shapes, times in products.items())
