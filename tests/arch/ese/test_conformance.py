"""Do ESE's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.broadcast.ese.config import EseConfig
from accelsim.testing.recurrent_layers import recurrent_layers


def design(**changes: object) -> EseConfig:
    config = load_arch("ese", changes)
    assert isinstance(config, EseConfig)
    return config


class TestEse(testing.MachineConformance):
    kind = "ese"

    def configs(self) -> st.SearchStrategy[EseConfig]:
        return st.builds(design, pes=st.integers(1, 6), channels=st.integers(1, 4), queue_entries=st.integers(1, 8),
                         index_bits=st.integers(1, 5), spmat_width_bits=st.sampled_from([17, 32, 64, 100]),
                         input_skip=st.booleans(), slot_overhead_cycles=st.integers(0, 40),
                         exposed_slots=st.integers(0, 2), prologue_slots=st.integers(0, 2))

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return st.one_of(recurrent_layers(), testing.layers())

    def some_configs(self) -> Iterator[EseConfig]:
        yield design(pes=1, channels=1, queue_entries=1)
        yield design(pes=3, channels=2, queue_entries=2, index_bits=1, input_skip=True, slot_overhead_cycles=2)
        yield design()
