"""Do SCNN's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.planar.scnn.config import ScnnConfig


def design(**changes: object) -> ScnnConfig:
    config = load_arch("scnn", changes)
    assert isinstance(config, ScnnConfig)
    return config


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestScnn(testing.MachineConformance):
    kind = "scnn"

    def configs(self) -> st.SearchStrategy[ScnnConfig]:
        sizes = st.integers(1, 4)
        return st.builds(
            design, pe_rows=sizes, pe_cols=sizes, weight_vector=st.integers(1, 6), activation_vector=st.integers(1, 6),
            banks=one_of(1, 3, 8, 32, 40), accumulator_entries=one_of(4, 9, 40, 1024),
            bank_hash=one_of("xor", "address"),
            bank_queue_entries=one_of(0, 1, 2, 5), weight_order=one_of("taps_outer", "filters_outer"),
            index_bits=one_of(0, 1, 2, 4), value_bits=one_of(8, 16), tiling=one_of("input_plane", "padded_plane"),
            kc_rule=one_of("accumulators", "output_tile"), kc_max=one_of(0, 1, 2, 3),
            barrier=one_of("group", "channel"),
            halo=one_of("none", "exchange", "widest_neighbour"), halo_entries_per_cycle=one_of(1, 3),
            post=one_of("overlapped", "serial"), post_entries_per_cycle=one_of(0, 1, 3),
            iaram_bits=one_of(0, 20, 200, 1000), oaram_bits=one_of(0, 20, 2000), weight_fifo_entries=one_of(0, 1, 2, 5),
            dram=one_of(None, {"gbps": 1.0}), resident_weights=st.booleans(), resident_activations=st.booleans())

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return testing.layers(size=14)

    def some_configs(self) -> Iterator[ScnnConfig]:
        yield design(pe_rows=1, pe_cols=1)
        yield design(pe_rows=2, pe_cols=3, bank_queue_entries=1, banks=4, kc_max=2, iaram_bits=400)
        yield design(pe_rows=2, pe_cols=2, dram={"gbps": 1.0}, resident_activations=False)
        yield design(pe_rows=2, pe_cols=2, dram={"gbps": 1.0}, iaram_bits=300, oaram_bits=300, kc_max=2, post="serial",
                     post_entries_per_cycle=1)
        yield from super().some_configs()
