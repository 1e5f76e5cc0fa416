"""Parameters of a SparseNN design."""

from typing import ClassVar, Literal

from pydantic import Field

from accelsim.arch.config import ArchConfig


class SparsennConfig(ArchConfig):
    """SparseNN; see docs/machines/sparsenn.md for what each key does to the cycles."""

    kind: ClassVar[str] = "sparsenn"
    pes: int = Field(ge=1, le=65536, description="processing elements")
    predictor: Literal["svd", "off"] = Field(description="where the predictor's matrices come from; off: none")
    rank: int = Field(ge=1, le=4096, description="columns of U, rows of V")
    least_rows: int = Field(ge=1, le=1 << 20, description="rows below which a matrix runs without the predictor")
    queue_entries: int = Field(ge=1, le=1 << 20, description="values a PE's queue holds")
    network_hops: int = Field(ge=0, le=64, description="levels of the tree, a cycle each")

    @property
    def entries_per_row(self) -> int:
        """Of the weight memory: a weight at a time."""
        return 1
