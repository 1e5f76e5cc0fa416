"""Do Minerva's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "minerva", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestMinerva(testing.MachineConformance):
    kind = "minerva"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(
            design, lanes=st.integers(1, 5), threshold=one_of(0, 1, {"l": 1}),
            group_cycles=st.integers(0, 4), layer_cycles=st.integers(0, 3), **BUFFERS)

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(lanes=1, threshold=0)
        yield design(lanes=3, layer_cycles=2, dram={"gbps": 1.0}, resident_weights=False)
        yield from super().some_configs()


@given(layer=testing.layers(size=10), threshold=st.integers(2, 6), share=one_of(None, 0.25, 0.8))
def test_twins_agree_on_what_is_pruned(layer, threshold, share):
    """Above 1 the threshold changes the output, so that these designs are not for the common suite."""
    config = design(lanes=3, threshold=threshold, kept_share=share)
    model = machine("minerva")
    fast, slow = (run(layer, config, model.policies["in_order"]) for run in (model.run, model.reference))
    assert (fast.cycles, fast.stalls, fast.counts, fast.mapping) == (slow.cycles, slow.stalls, slow.counts,
                                                                     slow.mapping)
