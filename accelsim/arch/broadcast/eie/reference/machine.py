"""EIE, tick by tick: the obvious twin, which moves real values through queues and pipeline registers.

Source: Han et al., ISCA 2016 [paper] and the authors' cycle simulator [authors' code]; the rules, one by one, are in
docs/machines/eie.md. Exact: every cycle, count and stall of those rules. Abstracted: weights are the integers of
the layer in accumulators of unlimited width, not 16-bit fixed point.

The data path of a vector is the family's (`shared/reference`): `vector_run.py` puts its blocks together, `encode.py`
has the matrix format. Here a layer becomes vectors, and their runs are added up.
"""

from collections import Counter
from typing import Any

import numpy as np

from accelsim.arch.broadcast.eie.reference.tiles import TileRow, as_tiles, column_blocks, vector_tiles
from accelsim.arch.broadcast.shared.reference.encode import EncodedMatrix, encode
from accelsim.arch.broadcast.shared.reference.vector_run import VectorRun
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.machine import LayerRun, Policy
from accelsim.errors import DeadlockError
from accelsim.result.work import PeWork
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct, assemble, matrix_products

STALLS = ("busy", "padding", "empty_column", "starved", "back_pressure", "barrier", "drain")
COUNTS = ("macs", "padding_entries", "broadcasts", "queue_writes", "pointer_reads", "spmat_row_reads",
          "activation_row_reads", "accumulator_writes", "arithmetic_slots", "pe_cycles")


def run(layer: Layer, config: Any, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, int64, shaped as `layer.output()`.

    config: an EieConfig. policy: see the folder `policies`. Cycles, stalls and counts are sums over runs that follow
    one another, each from an empty machine (our assumption).
    Raises TraceError for a pattern-only layer, ModelError when the policy does not give each row a PE, DeadlockError
    when nothing moves any more.
    """
    layer.check_values()
    cycles, stalls, counts = 0, Counter[str](), Counter[str]()
    outputs = []
    tiles: list[TileRow] = []
    vectors = peak_entries = 0
    work = np.zeros((1, config.pes), np.int64)
    for index, product in enumerate(matrix_products(layer)):
        encoded = encode_product(product, config, policy)
        blocks = column_blocks(layer, product, encoded, config)
        results = []
        for number, vector in enumerate(product.vectors):
            machine = VectorRun(encoded, sent(vector), product.bias is not None, config)
            try:
                cycles += machine.run()
            except DeadlockError as error:
                raise DeadlockError(f"layer {layer.name!r}: {error}") from None
            stalls += machine.stalls()
            counts += machine.counts()
            work += machine.work()
            results.append(machine.output())
            tiles += vector_tiles(layer, product, encoded, blocks, machine, config, (index, number))
        outputs.append(np.stack(results))
        vectors += len(results)
        peak_entries = max(peak_entries, *(len(memory.entries) for memory in encoded.memories))
    return LayerRun(cycles, config.pes, {name: stalls[name] for name in STALLS},
                    {name: counts[name] for name in COUNTS}, output=assemble(layer, outputs),
                    mapping={"vectors": vectors, "peak_entries_per_pe": peak_entries},
                    tiles=as_tiles(tiles),
                    work=PeWork.of(work))


def encode_product(product: MatrixProduct, config: Any, policy: Policy) -> EncodedMatrix:
    """The matrix [out, in] of a product as PE memories: columns filled up to whole activation rows, then the bias."""
    out, n_in = product.matrix.shape
    pe_of_row = assign_rows(policy, product.matrix, config.pes)
    columns = np.zeros((out, -(-n_in // config.pes) * config.pes), np.int64)
    columns[:, :n_in] = product.matrix
    if product.bias is not None:
        columns = np.column_stack([columns, product.bias.astype(np.int64)])
    return encode(columns, pe_of_row, config.pes, config.index_bits)


def sent(vector: np.ndarray) -> list[int | None]:
    """What the scanner broadcasts of a vector: its non-zeros."""
    return [value or None for value in vector.tolist()]
