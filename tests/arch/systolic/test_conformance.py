"""Do the systolic array's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.config import ArchConfig

A_FEW_BYTES = st.integers(1, 200).map(lambda size: size / 1024)  # in KiB


def design(**changes: object) -> ArchConfig:
    return load_arch("tpu_128x128", changes)


class TestSystolic(testing.MachineConformance):
    kind = "systolic"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, rows=st.integers(1, 6), cols=st.integers(1, 6), double_buffer=st.booleans(),
                         dataflow=st.sampled_from(["ws", "is", "os", "best"]),
                         dram=st.sampled_from([None, {"gbps": 1.0}]), data_sram_kbytes=st.none() | A_FEW_BYTES,
                         resident_weights=st.booleans(), resident_activations=st.booleans())

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(rows=1, cols=1)
        for dataflow in ("ws", "is", "os"):
            yield design(rows=4, cols=3, dataflow=dataflow, dram={"gbps": 1.0})
            yield design(rows=2, cols=5, dataflow=dataflow, double_buffer=True, dram={"gbps": 1.0},
                         data_sram_kbytes=0.01)
