"""Do SqueezeFlow's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig

A_FEW_BYTES = st.integers(1, 200).map(lambda size: size / 1024)  # in KiB


def design(**changes: object) -> ArchConfig:
    return load_arch("squeezeflow", changes)


class TestSqueezeFlow(testing.MachineConformance):
    kind = "squeezeflow"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(
            design, tile_rows=st.integers(1, 4), tile_cols=st.integers(1, 4), c_min=st.integers(0, 3),
            skip_zero_tiles=st.booleans(), hide_fill=st.booleans(), hide_write_back=st.booleans(),
            port_words=st.integers(1, 5), run_bits=st.integers(1, 4), value_bits=st.sampled_from([8, 16]),
            weight_buffer_kbytes=st.none() | A_FEW_BYTES, input_buffer_kbytes=st.none() | A_FEW_BYTES,
            dram=st.sampled_from([None, {"gbps": 1.0}]), resident_weights=st.booleans(),
            resident_activations=st.booleans())

    def some_configs(self) -> Iterator[ArchConfig]:
        yield from super().some_configs()
        yield design(tile_rows=1, tile_cols=1, c_min=1)
        yield design(tile_rows=2, tile_cols=3, hide_fill=False, hide_write_back=False, port_words=2,
                     skip_zero_tiles=False, dram={"gbps": 1.0}, input_buffer_kbytes=0.01, weight_buffer_kbytes=0.01)
