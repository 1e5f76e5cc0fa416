"""Do ZeNA's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "zena", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestZena(testing.MachineConformance):
    kind = "zena"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(
            design, groups=st.integers(1, 4), pes_per_group=st.integers(1, 4), tile_positions=one_of(0, 0, 1, 2, 5),
            segment=st.integers(1, 9), empty_segment_cycles=one_of(0, 0, 1), **BUFFERS)

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(groups=1, pes_per_group=1, segment=1, empty_segment_cycles=1)
        yield design(groups=2, pes_per_group=3, dram={"gbps": 1.0}, weight_buffer_kbytes=0.004,
                     output_buffer_kbytes=0.01)
        yield from super().some_configs()
