"""Do Procrustes' twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.training.procrustes.config import ProcrustesConfig
from accelsim.arch.training.shared.passes import PHASES


def design(preset: str = "procrustes", **changes: object) -> ProcrustesConfig:
    config = load_arch(preset, changes)
    assert isinstance(config, ProcrustesConfig)
    return config


PHASE_LISTS = st.lists(st.sampled_from(PHASES), min_size=1, max_size=3, unique=True)


class TestPolicies(testing.PolicyConformance):
    kind = "procrustes"

    def some_configs(self) -> Iterator[ProcrustesConfig]:
        yield design(pe_rows=4, pe_cols=2)
        yield design(pe_rows=2, pe_cols=3, dataflow="ck", tile_lanes=3)


class TestProcrustes(testing.MachineConformance):
    kind = "procrustes"

    def configs(self) -> st.SearchStrategy[ProcrustesConfig]:
        designs = st.builds(
            design, pe_rows=st.integers(1, 6), pe_cols=st.integers(1, 6), register_file_words=st.integers(40, 300),
            glb_words=st.sampled_from([1, 16, 100, 32768]), glb_banks=st.integers(1, 4),
            glb_words_per_line=st.integers(1, 3), glb_bound=st.booleans(), sparse=st.booleans(),
            dataflow=st.sampled_from(["kn", "cn", "ck", "pq"]), phases=PHASE_LISTS,
            input_layers=st.sampled_from([[], ["c"], ["l", "m"]]), tile_lanes=st.integers(1, 8),
            tile_depth=st.integers(1, 8), tile_plane=st.integers(1, 4), weight_fill_percent=st.integers(1, 100),
            threshold_unit=st.booleans(), gradients_per_cycle=st.integers(1, 8),
            gradient_seed=st.integers(0, 2**32 - 1), dram=st.sampled_from([None, {"gbps": 1.0}]))
        # a layer that runs no pass does none of its work, which the suite's lower bound does not know
        return designs.filter(lambda config: all(config.passes(name) for name in "clm"))

    def layers(self) -> st.SearchStrategy[testing.Layer]:
        return testing.layers(size=16)

    def some_configs(self) -> Iterator[ProcrustesConfig]:
        for dataflow in ("kn", "cn", "ck", "pq"):
            yield design(dataflow=dataflow, pe_rows=2, pe_cols=3, register_file_words=64, glb_bound=True, glb_banks=1)
            yield design(dataflow=dataflow, pe_rows=1, pe_cols=1, tile_lanes=3, gradients_per_cycle=1)
            yield design("procrustes_dense", dataflow=dataflow, pe_rows=3, pe_cols=2)
        yield design(register_file_words=4, tile_plane=1)  # most layers do not fit: both twins must say so
        yield design()
        yield design("procrustes_dense")
