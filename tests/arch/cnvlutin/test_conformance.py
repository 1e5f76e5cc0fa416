"""Do Cnvlutin's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "cnvlutin", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestCnvlutin(testing.MachineConformance):
    kind = "cnvlutin"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        few = st.integers(0, 2)
        return st.builds(
            design, tiles=st.integers(1, 2), filters_per_tile=st.integers(1, 3), neuron_lanes=st.integers(1, 4),
            brick=st.integers(1, 5), offset_bits=st.integers(1, 4), skip_zeros=one_of(True, True, True, False),
            empty_brick_cycles=one_of(0, 1), lane_map=one_of("slices", "brick_rr"),
            first_layer=one_of("dense", "skip"), fully_connected=one_of("dense", "skip"),
            space_to_depth=st.booleans(), brick_overhead_cycles=few, drain_cycles=few, position_overhead_cycles=few,
            **BUFFERS)

    def some_configs(self) -> Iterator[ArchConfig]:
        small = {"tiles": 1, "filters_per_tile": 2, "neuron_lanes": 3, "brick": 2}
        yield design(**small)
        yield design("cnvlutin_early", **small, dram={"gbps": 1.0}, resident_activations=False)
        yield design("cnvlutin_early", **small, lane_map="brick_rr")
        yield from super().some_configs()
