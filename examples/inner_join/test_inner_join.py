"""accelsim's own tests, on the example machine and the example policy."""

from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st
from inner_join.snake import snake

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig


def design(pes: int) -> ArchConfig:
    return load_arch(Path(__file__).with_name("inner_join_32.yaml"), {"pes": pes})


class TestInnerJoin(testing.MachineConformance):
    kind = "inner_join"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, st.integers(1, 8))

    def some_configs(self) -> Iterator[ArchConfig]:
        return map(design, (1, 3, 16))


class TestSnake(testing.PolicyConformance):
    kind = "eie"
    policies = {"snake": snake}
