"""The machine as accelsim sees it. A vector is broadcast in one cycle; a row takes one cycle per pair, at least one."""

import numpy as np
from pydantic import Field

from accelsim.arch.config import ArchConfig
from accelsim.arch.facts import BUSY, Count, Stall
from accelsim.arch.machine import Machine


class InnerJoinConfig(ArchConfig):
    kind = "inner_join"
    pes: int = Field(ge=1, le=4096, description="processing elements")


def deal(matrix: np.ndarray, pes: int) -> np.ndarray:
    return np.arange(len(matrix)) % pes  # pe_of_row: row i belongs to PE i mod pes


class InnerJoin(Machine[InnerJoinConfig]):
    kind = "inner_join"
    version = 1
    config = InnerJoinConfig
    slot = "a PE"
    stalls = (
        BUSY,
        Stall("empty_row", "wasted", "looks at a row that no non-zero of the vector meets", "denser rows"),
        Stall("broadcast", "load_drain", "waits while a vector is sent to all PEs", "longer rows"),
        Stall("barrier", "imbalance", "waits until all PEs are done with the vector", "policy"),
    )
    counts = (
        Count("macs", "multiplications", "multiply_add"),
        Count("vector_words", "words of all vectors, zeros too", "vector_read", 16, "activation"),
    )
    policies = {"deal": deal}
