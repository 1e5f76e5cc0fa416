"""Do Gamma's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from arch.streams.drawn import SparseLayers
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig


def design(**changes: object) -> ArchConfig:
    return load_arch("gamma", changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestGamma(SparseLayers, testing.MachineConformance):
    kind = "gamma"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(
            design, pes=st.integers(1, 5), radix=one_of(2, 2, 3, 4, 64), task_cycles=one_of(0, 0, 1, 3),
            cache_kbytes=one_of(0, 0.01, 0.05, 0.2, 3072), ways=st.integers(1, 4), rrip_bits=st.integers(1, 3),
            tile_rows=st.integers(1, 5), line_bits=one_of(8, 64, 100, 512), coordinate_bits=one_of(1, 16, 32),
            value_bits=one_of(8, 64), pointer_bits=one_of(5, 32, 64), dram=one_of(None, {"gbps": 1.0}),
            resident_weights=st.booleans(), resident_activations=st.booleans())

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(pes=1, radix=2, cache_kbytes=0.02, ways=1)
        yield design(pes=3, radix=3, task_cycles=2, cache_kbytes=0, tile_rows=2)
        yield from super().some_configs()
