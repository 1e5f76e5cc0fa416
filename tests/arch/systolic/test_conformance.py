"""Do the systolic array's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.config import ArchConfig


def design(**changes: object) -> ArchConfig:
    return load_arch("tpu_128x128", changes)


class TestSystolic(testing.MachineConformance):
    kind = "systolic"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, rows=st.integers(1, 6), cols=st.integers(1, 6), double_buffer=st.booleans(),
                         dataflow=st.sampled_from(["ws", "is", "os", "best"]))

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(rows=1, cols=1)
        yield design(rows=4, cols=3, dataflow="os", double_buffer=True)
        yield design(rows=2, cols=5, dataflow="ws", double_buffer=True)
