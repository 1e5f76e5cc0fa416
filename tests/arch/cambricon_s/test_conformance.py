"""Do Cambricon-S's twins agree, on everything, everywhere?"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import Matmul

BUFFERS = {"dram": st.sampled_from([None, {"gbps": 1.0}]), "resident_weights": st.booleans(),
           "resident_activations": st.booleans(), "weight_buffer_kbytes": st.sampled_from([0, 0.004, 0.02, 1]),
           "input_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1]),
           "output_buffer_kbytes": st.sampled_from([0, 0.01, 0.05, 1])}


def design(arch: str = "cambricon_s", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


def in_blocks(layer: Layer, kept: bool) -> Layer:
    """The layer with weights that four neighbouring outputs keep or lack together; or as it is."""
    if not kept:
        return layer
    axis = layer.weight.ndim - 2 if isinstance(layer, Matmul) else 0
    outputs = layer.weight.shape[axis] // (layer.groups if isinstance(layer, Conv2d) else 1)
    output = np.arange(layer.weight.shape[axis])
    first = output // outputs * outputs + output % outputs // 4 * 4
    return replace(layer, weight=np.take(layer.weight, first, axis=axis))


class TestCambriconS(testing.MachineConformance):
    kind = "cambricon_s"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(
            lambda pes, blocks, **changes: design(pes=pes, block_outputs=pes * blocks, **changes),
            pes=st.integers(1, 4), blocks=st.integers(1, 3), multipliers=st.integers(1, 4), window=st.integers(1, 9),
            min_window_cycles=one_of(0, 1), scan_weights=one_of(0, 1, 3), **BUFFERS)

    def layers(self) -> st.SearchStrategy[Layer]:
        """Half of them with weights in blocks of four outputs."""
        return st.builds(in_blocks, testing.layers(), st.booleans())

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design(pes=1, block_outputs=1, multipliers=1, window=1)
        yield design(pes=2, block_outputs=4, multipliers=2, window=5, scan_weights=2, min_window_cycles=1,
                     dram={"gbps": 1.0}, weight_buffer_kbytes=0.004, output_buffer_kbytes=0.01)
        yield from super().some_configs()
