"""Do DianNao's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "diannao", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestDiannao(testing.MachineConformance):
    kind = "diannao"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, outputs_per_step=st.integers(1, 5), inputs_per_step=st.integers(1, 5), **BUFFERS)

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(outputs_per_step=1, inputs_per_step=1)
        yield design(outputs_per_step=3, inputs_per_step=4, dram={"gbps": 1.0}, input_buffer_kbytes=0.01)
        yield from super().some_configs()
