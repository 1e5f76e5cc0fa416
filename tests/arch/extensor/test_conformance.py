"""Do ExTensor's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from arch.streams.drawn import SparseLayers
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig


def design(**changes: object) -> ArchConfig:
    return load_arch("extensor", changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestExTensor(SparseLayers, testing.MachineConformance):
    kind = "extensor"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(
            design, pes=st.integers(1, 5), pe_tile=one_of(1, 2, 3, 5, 128),
            llb_multipliers=one_of(1, 2, [1, 2, 3], [3, 1, 2], [32, 64, 96]),
            intersection=one_of("skip_ahead", "skip_ahead", "two_finger", "leader_follower"),
            time=one_of("stepped", "stepped", "roof"), roof_gib_per_s=one_of(0.5, 68.256),
            line_bits=one_of(8, 64, 100), coordinate_bits=one_of(1, 16, 32), value_bits=one_of(8, 64),
            pointer_bits=one_of(5, 32), dram=one_of(None, {"gbps": 1.0}), resident_weights=st.booleans(),
            resident_activations=st.booleans())

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(pes=1, pe_tile=1, llb_multipliers=1)
        yield design(pes=3, pe_tile=3, llb_multipliers=[2, 1, 3], intersection="two_finger")
        yield design(pes=2, pe_tile=2, llb_multipliers=2, time="roof")
        yield from super().some_configs()
