"""Do SIGMA's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.workload.lowering import matrix_products

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
                         drain_per_k_tile=st.booleans(),
                         overlap=st.sampled_from(["none", "drain", "load", "pipelined"]),
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

    @given(data=st.data())
    def test_twins_agree_where_the_buffer_just_holds_a_tile(self, data: st.DataObject) -> None:
        """Or just does not."""
        layer, width = data.draw(self.layers()), data.draw(st.sampled_from([2, 4, 8]))
        stationary, streaming = data.draw(st.sampled_from([("mk", "limited"), ("kn", "limited"), ("mk", "unlimited")]))
        product = next(matrix_products(layer))
        streamed = product.vectors if stationary == "mk" else product.matrix
        tile = streamed[:, :width] if streaming == "limited" else streamed
        bits = tile.size + 16 * int(np.count_nonzero(tile)) + data.draw(st.sampled_from([-1, 0]))
        config = design(flex_dpes=1, multipliers_per_dpe=width, bandwidth_words_per_cycle=3, stationary=stationary,
                        streaming=streaming, dram={"gbps": 1.0}, data_sram_kbytes=max(1, bits) / 8192)
        policy = data.draw(st.sampled_from(sorted(self.machine.policies)))
        self.check_twins(layer, config, self.machine.policies[policy])
