"""The fast engine of the released controller: one thing after the other. Rules: docs/machines/spectral_cnn_rtl.md."""

import numpy as np

from accelsim.arch.spectral.shared.fast.blocks import Blocks
from accelsim.arch.spectral.shared.fast.engine import Cycles, GroupRun, SpectralEngine
from accelsim.arch.spectral.shared.fast.lowering import LoweredGroup
from accelsim.arch.spectral.spectral_cnn_rtl.config import SpectralCnnRtlConfig
from accelsim.arch.spectral.spectral_cnn_rtl.machine import SpectralCnnRtl


class SerialEngine(SpectralEngine):
    """Nothing overlaps."""

    def other_cycles(self, group: LoweredGroup, blocks: Blocks, config: SpectralCnnRtlConfig) -> Cycles:
        input_loads = blocks.tile_groups * group.channels
        steps = blocks.tile_groups * blocks.kernel_groups  # of a channel
        transform = config.fft_latency_cycles + config.transform_cycles
        row = config.values_cycles + config.indices_cycles
        extra = self.extra_passes(config) * (
            blocks.tile_groups * (config.input_load_cycles + transform) + blocks.kernel_groups * config.kept * row
            + steps * (config.latency_cycles + config.kept))
        back = config.ifft_cycles_per_tile * (config.parallel_kernels + self.extra_passes(config))
        return {"load_inputs": input_loads * config.input_load_cycles, "fft": input_loads * transform,
                "load_kernels": blocks.rows * config.values_cycles, "load_indices": blocks.rows * config.indices_cycles,
                "run_overhead": steps * group.channels * config.latency_cycles, "extra_pass": extra,
                "ifft": steps * back}

    def extra_passes(self, config: SpectralCnnRtlConfig) -> int:
        return int(config.extra_pass)

    def loaded_bits(self, run: GroupRun, config: SpectralCnnRtlConfig) -> tuple[np.ndarray, np.ndarray]:
        blocks, extra = run.blocks, self.extra_passes(config)
        rows = blocks.rows + extra * blocks.kernel_groups * config.kept
        loads = blocks.tile_groups * (run.group.channels + extra)
        return (rows * (config.values_cycles + config.indices_cycles) * config.port_bits,
                loads * config.input_load_cycles * config.port_bits)


ENGINE = SerialEngine(SpectralCnnRtl)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
