"""The machine as accelsim sees it. A vector is broadcast in one cycle; a row takes one cycle per pair, at least one."""

import numpy as np
from pydantic import Field

from accelsim.arch.machine import LayerRun, Machine, Policy
from accelsim.config import ArchConfig
from accelsim.hw.energy import Action
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import kept_products
from inner_join.kernel import work


class InnerJoinConfig(ArchConfig):
    kind = "inner_join"
    pes: int = Field(ge=1, le=4096, description="processing elements")


def deal(matrix: np.ndarray, pes: int) -> np.ndarray:
    return np.arange(len(matrix)) % pes  # pe_of_row: row i belongs to PE i mod pes


class InnerJoin(Machine):
    kind = "inner_join"
    version = 1
    config = InnerJoinConfig
    stalls = ("busy", "empty_row", "broadcast", "barrier")
    counts = ("macs", "vector_words")
    policies = {"deal": deal}
    stall_classes = {"barrier": "imbalance"}

    def run(self, layer: Layer, config: InnerJoinConfig, policy: Policy) -> LayerRun:
        cycles, busy, empty, vectors, words = np.zeros(5, np.int64)
        for product in kept_products(layer):
            pe_of_row = policy(product.matrix, config.pes)
            pairs, empty_rows = work(product.matrix != 0, product.vectors != 0, pe_of_row, config.pes)
            cycles += len(product.vectors) + (pairs + empty_rows).max(axis=1).sum()
            busy, empty = busy + pairs.sum(), empty + empty_rows.sum()
            vectors, words = vectors + len(product.vectors), words + product.vectors.size
        stalls = map(int, (busy, empty, config.pes * vectors, config.pes * (cycles - vectors) - busy - empty))
        return LayerRun(cycles=int(cycles), slots=config.pes, stalls=dict(zip(self.stalls, stalls, strict=True)),
                        counts={"macs": int(busy), "vector_words": int(words)})

    def actions(self, config: InnerJoinConfig) -> dict[str, Action]:
        return {"macs": Action("multiply_add"), "vector_words": Action("vector_read", bits=16, data="activation")}
