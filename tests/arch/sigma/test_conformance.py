"""Do SIGMA's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.config import ArchConfig

A_FEW_BYTES = st.integers(1, 60).map(lambda size: size / 1024)  # in KiB


def design(**changes: object) -> ArchConfig:
    return load_arch("sigma", changes)


class TestSigma(testing.MachineConformance):
    kind = "sigma"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, flex_dpes=st.integers(1, 5), multipliers_per_dpe=st.sampled_from([2, 4, 8, 16]),
                         bandwidth_words_per_cycle=st.integers(1, 20),
                         streaming=st.sampled_from(["limited", "unlimited"]),
                         stationary=st.sampled_from(["mk", "kn", "best"]), stationary_filter=st.booleans(),
                         drain_per_k_tile=st.booleans(), overlap=st.sampled_from(["none", "drain", "load"]),
                         dram=st.sampled_from([None, {"gbps": 1.0}]), data_sram_kbytes=st.none() | A_FEW_BYTES,
                         resident_weights=st.booleans(), resident_activations=st.booleans())

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(flex_dpes=1, multipliers_per_dpe=2, bandwidth_words_per_cycle=1)
        yield design(flex_dpes=3, multipliers_per_dpe=8, bandwidth_words_per_cycle=5, streaming="unlimited",
                     stationary="kn", overlap="load")
        for stationary in ("mk", "kn"):
            yield design(flex_dpes=2, multipliers_per_dpe=4, bandwidth_words_per_cycle=3, stationary=stationary,
                         dram={"gbps": 1.0})
            yield design(flex_dpes=1, multipliers_per_dpe=4, bandwidth_words_per_cycle=3, stationary=stationary,
                         overlap="drain", dram={"gbps": 1.0}, data_sram_kbytes=0.01)
