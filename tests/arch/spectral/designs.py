"""What the conformance tests of the spectral machines share."""

from collections.abc import Iterator, Mapping

from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.testing.small_layers import layers
from accelsim.workload.layer import Layer


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


SHARED = {"fft_size": one_of(4, 8), "alpha": one_of(1, 2, 4, 16), "parallel_tiles": st.integers(1, 4),
          "parallel_kernels": st.integers(1, 4), "fft_cycles_per_tile": st.integers(0, 9),
          "replica_write_words": one_of(0, 1, 3, 16), "ifft_cycles_per_tile": st.integers(0, 20),
          "tile_format": one_of("complex", "real"), "value_bits": one_of(8, 16),
          "dram": one_of(None, {"gbps": 1.0}), "resident_weights": st.booleans(),
          "resident_activations": st.booleans()}
BLOCKS = {"replicas": st.integers(1, 8), "psum_groups": one_of(0, 1, 2, 6), "kernel_block": one_of(0, 0, 1, 3),
          "tile_block": one_of(0, 0, 1, 5)}
RELEASED = {"port_bits": one_of(8, 64, 100), "fft_latency_cycles": st.integers(0, 9),
            "run_overhead_cycles": st.integers(0, 4), "multiplier_latency_cycles": st.integers(0, 4),
            "extra_pass": st.booleans()}


class Spectral(testing.MachineConformance):
    own: Mapping[str, st.SearchStrategy[object]]

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.fixed_dictionaries(SHARED | {**self.own}).map(lambda keys: load_arch(self.kind, keys))

    def layers(self) -> st.SearchStrategy[Layer]:
        return layers(size=6)

    def some_configs(self) -> Iterator[ArchConfig]:
        blocks = {"replicas": 2, "psum_groups": 2} if "replicas" in self.own else {}
        yield load_arch(self.kind, {"parallel_kernels": 4, "parallel_tiles": 2})
        yield load_arch(self.kind, {"fft_size": 8, "parallel_kernels": 3, "parallel_tiles": 3, "alpha": 1,
                                    "dram": {"gbps": 1.0}, **blocks})
