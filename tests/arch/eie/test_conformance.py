"""Do EIE's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.broadcast.eie.config import EieConfig


def design(**changes: object) -> EieConfig:
    config = load_arch("eie", changes)
    assert isinstance(config, EieConfig)
    return config


class TestEie(testing.MachineConformance):
    kind = "eie"

    def configs(self) -> st.SearchStrategy[EieConfig]:
        return st.builds(design, pes=st.integers(1, 16), queue_entries=st.integers(1, 8), index_bits=st.integers(2, 5),
                         spmat_width_bits=st.sampled_from([9, 16, 32, 64, 100, 512]),
                         dram=st.sampled_from([None, {"gbps": 1.0}]), resident_weights=st.booleans(),
                         spmat_kbytes=st.sampled_from([128, 0.02, 0.03]), pointer_kbytes=st.sampled_from([32, 0.01]))

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return testing.layers(size=24)

    def some_configs(self) -> Iterator[EieConfig]:
        yield design(pes=1, queue_entries=1)
        yield design(pes=3, queue_entries=2, index_bits=1, spmat_width_bits=10)
        yield design()


@pytest.mark.small
def test_narrow_counters_do_not_wrap():
    """255, 256 and 257 rows on one PE: the encoder's state changes from 8 to 16 bits there."""
    import numpy as np

    rng = np.random.default_rng(5)
    for rows in (254, 255, 256, 257, 300):
        for density in (0.01, 1.0):
            layer = testing.linear("l", testing.tensor(rng, (rows, 5), density), testing.tensor(rng, (5,), 0.8))
            TestEie().check_twins(layer, design(pes=1, index_bits=2), TestEie().machine.policies["row_interleave"])
