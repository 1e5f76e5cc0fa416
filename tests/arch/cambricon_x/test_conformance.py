"""Do Cambricon-X's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "cambricon_x", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestCambriconX(testing.MachineConformance):
    kind = "cambricon_x"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(
            design, pes=st.integers(1, 5), multipliers=st.integers(1, 4), index=one_of("window", "step4"),
            window=st.integers(1, 9), index_bits=st.integers(1, 3), min_window_cycles=one_of(0, 1),
            scope=one_of("window", "output", "async"), **BUFFERS)

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(pes=1, multipliers=1, window=1)
        yield design(pes=3, multipliers=2, window=5, scope="async", dram={"gbps": 1.0}, weight_buffer_kbytes=0.004,
                     output_buffer_kbytes=0.01)
        yield design(pes=2, multipliers=2, index="step4", index_bits=1, scope="window", min_window_cycles=0)
        yield from super().some_configs()
