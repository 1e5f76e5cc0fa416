"""Do SparseNN's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.broadcast.sparsenn.config import SparsennConfig


def design(**changes: object) -> SparsennConfig:
    config = load_arch("sparsenn", changes)
    assert isinstance(config, SparsennConfig)
    return config


class TestSparsenn(testing.MachineConformance):
    kind = "sparsenn"

    def configs(self) -> st.SearchStrategy[SparsennConfig]:
        return st.builds(design, pes=st.integers(1, 8), predictor=st.sampled_from(["svd", "off"]),
                         rank=st.integers(1, 5), least_rows=st.integers(1, 6), queue_entries=st.integers(1, 8),
                         network_hops=st.integers(0, 3))

    def some_configs(self) -> Iterator[SparsennConfig]:
        yield design(pes=1, rank=1, least_rows=1, queue_entries=1)
        yield design(pes=3, rank=4, least_rows=2)
        yield design()
