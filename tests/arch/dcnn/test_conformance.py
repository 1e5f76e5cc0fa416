"""Do DCNN's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.dcnn.config import DcnnConfig


def design(preset: str = "dcnn", **changes: object) -> DcnnConfig:
    config = load_arch(preset, changes)
    assert isinstance(config, DcnnConfig)
    return config


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


@st.composite
def deep_convolutions(draw: st.DrawFn) -> testing.Layer:
    """Convolutions of more channels than a dot product takes, on planes of few positions."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups, per_group = draw(st.integers(1, 2)), draw(st.integers(1, 40))
    filters = groups * draw(st.integers(1, 5))
    kernel, stride, padding = ((draw(st.integers(low, 2)), draw(st.integers(low, 2))) for low in (1, 1, 0))
    plane = [draw(st.integers(size, 5)) for size in kernel]
    densities = [draw(st.sampled_from(testing.DENSITIES)) for _ in "wa"]
    weight = testing.tensor(rng, (filters, per_group, *kernel), densities[0])
    activation = testing.tensor(rng, (draw(st.integers(1, 2)), groups * per_group, *plane), densities[1])
    padding = tuple(min(pad, size) for pad, size in zip(padding, kernel, strict=True))
    return testing.conv2d("deep", weight, activation, stride, padding, groups=groups)


class TestDcnn(testing.MachineConformance):
    kind = "dcnn"

    def configs(self) -> st.SearchStrategy[DcnnConfig]:
        sizes = st.integers(1, 4)
        small = st.builds(
            design, pe_rows=sizes, pe_cols=sizes, dot_width=one_of(1, 2, 3, 5, 16),
            accumulator_entries=one_of(4, 9, 40, 1024), kc_max=one_of(0, 1, 2, 3), value_bits=one_of(8, 16),
            index_bits=one_of(0, 1, 2, 4), zero_gating=st.booleans(), compress_dram=st.booleans(),
            iaram_bits=one_of(0, 20, 200, 1000), oaram_bits=one_of(0, 20, 200, 2000))
        return small | st.builds(design, one_of("dcnn", "dcnn_opt"))

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return testing.layers(size=14) | deep_convolutions()

    def some_configs(self) -> Iterator[DcnnConfig]:
        yield design(pe_rows=1, pe_cols=1, dot_width=2)
        yield design("dcnn_opt", pe_rows=2, pe_cols=3, dot_width=3, kc_max=2, iaram_bits=400, oaram_bits=100)
        yield from super().some_configs()
