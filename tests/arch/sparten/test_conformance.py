"""Do SparTen's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "sparten", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestSparten(testing.MachineConformance):
    kind = "sparten"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        few = st.integers(0, 2)
        anywhere = {"clusters": st.integers(1, 4), "units": st.integers(1, 4), "chunk": st.integers(1, 9),
                    "order": one_of("taps_outer", "channels_outer"), "empty_chunk_cycles": one_of(0, 1),
                    "dispatch": one_of("positions", "outputs", "queue", "longest_first"), "output_cycles": few,
                    "pointer_bits": one_of(0, 8), "permute_words_per_cycle": one_of(0, 1, 3)}
        chunks = {"join_cycles": few, "chunk_overhead_cycles": few, "min_step_cycles": st.integers(0, 5)}
        return st.one_of(
            st.builds(design, **anywhere, **chunks, columns=st.integers(1, 4), **BUFFERS),
            st.builds(design, **anywhere, **chunks, held=st.integers(1, 3), **BUFFERS),
            st.builds(design, **anywhere, barrier=st.just("output"), **BUFFERS))

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(clusters=1, units=1, chunk=1)
        yield design(clusters=2, units=3, chunk=4, dram={"gbps": 1.0}, weight_buffer_kbytes=0.004,
                     output_buffer_kbytes=0.01)
        yield design(clusters=1, units=2, chunk=3, permute_words_per_cycle=1)
        yield design("sparten_bitsim", units=2, columns=3, chunk=5, min_step_cycles=3)
        yield from super().some_configs()
