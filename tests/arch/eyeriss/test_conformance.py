"""Do Eyeriss's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from arch.eyeriss.designs import SMALL, design, legal_mapping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim import testing
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


class TestEyeriss(testing.MachineConformance):
    kind = "eyeriss"

    def configs(self) -> st.SearchStrategy[EyerissConfig]:
        sides = st.integers(1, 3)
        return st.builds(
            design, cluster_rows=sides, cluster_cols=sides, pe_rows=sides, pe_cols=sides,
            macs_per_pe=st.integers(1, 3), pe=one_of("skip", "skip", "gate"),
            network=one_of("hierarchical", "hierarchical", "flat"), pipeline_stages=one_of(1, 3, 7),
            iact_words=one_of(1, 3, 6, 16), iact_addresses=one_of(1, 2, 9), weight_words=one_of(1, 4, 12, 96),
            weight_addresses=one_of(1, 4, 16), psum_words=one_of(1, 2, 5, 32), address_cycles=st.integers(1, 4),
            psum_flush=one_of("batch", "ring"), hop_cycles=st.integers(0, 3), config_cycles=one_of(0, 0, 40),
            value_bits=one_of(8, 16), count_bits=one_of(1, 2, 4), psum_bits=one_of(16, 20),
            iact_address_bits=one_of(2, 4), weight_address_bits=one_of(3, 7), glb_iact_banks=st.integers(1, 3),
            glb_iact_bytes=one_of(4, 60, 4608), glb_psum_bytes=one_of(30, 100, 7680), iact_port_bits=one_of(1, 8, 24),
            weight_port_bits=one_of(5, 24), psum_port_bits=one_of(20, 40, 65), dram_run_bits=one_of(0, 1, 5),
            dram=one_of(None, {"gbps": 1.0}))

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return testing.layers(size=10)

    def some_configs(self) -> Iterator[EyerissConfig]:
        yield design(cluster_rows=1, cluster_cols=1, pe_rows=1, pe_cols=1, macs_per_pe=1, psum_words=2)
        yield design(**SMALL, weight_words=6, glb_iact_bytes=8, glb_psum_bytes=100, count_bits=1)
        yield design("eyeriss_v1", pe_rows=4, pe_cols=3, psum_words=3)
        yield from super().some_configs()


class TestPolicies(testing.PolicyConformance):
    kind = "eyeriss"

    def some_configs(self) -> Iterator[EyerissConfig]:
        yield design(**SMALL)
        yield design("eyeriss_v1", pe_rows=4, pe_cols=3)


class TestDrawnMappings:
    """The twins on mappings that the mapper would never choose."""

    @given(data=st.data())
    @settings(suppress_health_check=list(HealthCheck), deadline=None)
    def test_twins_agree(self, data: st.DataObject) -> None:
        suite = TestEyeriss()
        config, layer = data.draw(suite.configs()), data.draw(testing.layers(size=7))
        mapping = data.draw(legal_mapping(layer, config))
        suite.check_twins(layer, config, lambda *_: mapping)
