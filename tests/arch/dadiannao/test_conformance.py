"""Do DaDianNao's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "dadiannao", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestDadiannao(testing.MachineConformance):
    kind = "dadiannao"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, tiles=st.integers(1, 2), filters_per_tile=st.integers(1, 3),
                         inputs_per_step=st.integers(1, 5), space_to_depth=st.booleans(), **BUFFERS)

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(tiles=1, filters_per_tile=1, inputs_per_step=1)
        yield design(tiles=2, filters_per_tile=2, inputs_per_step=3, dram={"gbps": 1.0}, resident_weights=False,
                     resident_activations=False, weight_buffer_kbytes=0.01, output_buffer_kbytes=0.01)
        yield from super().some_configs()
