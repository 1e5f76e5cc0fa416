"""Do DCNN's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.planar.dcnn.config import DcnnConfig
from accelsim.arch.planar.shared.assignment import Assignment


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
            iaram_bits=one_of(0, 20, 200, 1000), oaram_bits=one_of(0, 20, 200, 2000),
            dram=one_of(None, {"gbps": 1.0}), resident_weights=st.booleans(), resident_activations=st.booleans())
        return small | st.builds(design, one_of("dcnn", "dcnn_opt"))

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return testing.layers(size=14) | deep_convolutions()

    def some_configs(self) -> Iterator[DcnnConfig]:
        yield design(pe_rows=1, pe_cols=1, dot_width=2)
        yield design("dcnn_opt", pe_rows=2, pe_cols=3, dot_width=3, kc_max=2, iaram_bits=400, oaram_bits=100)
        yield design(pe_rows=2, pe_cols=2, dram={"gbps": 1.0}, resident_activations=False)
        yield design("dcnn_opt", pe_rows=2, pe_cols=2, dram={"gbps": 1.0}, iaram_bits=300, oaram_bits=300)
        yield from super().some_configs()

    @given(data=st.data())
    def test_twins_agree_on_a_policy_of_ones_own(self, data: st.DataObject) -> None:
        """Tiles of any size, empty ones among them, and spare PEs."""
        config, layer = data.draw(self.configs()), data.draw(self.layers())

        def any_cuts(nonzeros: np.ndarray, rim: tuple[int, int], pe_rows: int, pe_cols: int,
                     filters: int) -> Assignment:
            # a twin may ask more than once, and both must get the same answer
            rng = np.random.default_rng([seed, *nonzeros.shape])
            tiles = [int(rng.integers(1, pes + 1)) for pes in (pe_rows, pe_cols)]
            parts = int(rng.integers(1, pe_rows * pe_cols // (tiles[0] * tiles[1]) + 1))
            cuts = [(0, *map(int, np.sort(rng.integers(0, size + 1, n - 1))), size)
                    for size, n in zip(nonzeros.shape, tiles, strict=True)]
            return Assignment(parts, *cuts)

        seed = data.draw(st.integers(0, 2**32 - 1))
        self.check_twins(layer, config, any_cuts)
