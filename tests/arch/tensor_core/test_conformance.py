"""Do the tensor cores' twins agree, on everything, everywhere?"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from accelsim import load_arch, testing
from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul

NM = ((2, 4), (1, 4), (4, 8), (2, 6), (1, 2))


def design(**changes: Any) -> TensorCoreConfig:
    config = load_arch("a100_40gb", changes)
    assert isinstance(config, TensorCoreConfig)
    return config


def drams() -> st.SearchStrategy[dict[str, Any]]:
    """Rates below and above a byte per cycle, seldom whole; latencies of up to some cycles; any burst."""
    stream = st.fixed_dictionaries({
        "gbps": st.sampled_from((0.3, 1.0, 2.56, 7.7, 31.4, 100.0)), "latency_ns": st.sampled_from((0.0, 3.3, 20.0)),
        "burst_bytes": st.sampled_from((1, 7, 64))})
    preset = st.fixed_dictionaries({"model": st.sampled_from(("ddr4_3200", "lpddr4_3200", "hbm2")),
                                    "channels": st.integers(1, 2)})
    return stream | preset


@st.composite
def designs(draw: st.DrawFn) -> TensorCoreConfig:
    """Machines of a few multipliers, slow memories and small caches: every rule gets its turn."""
    mode = draw(st.sampled_from(("dense", "n_m", "n_m", "dual_side")))
    keep, group = draw(st.sampled_from(NM))
    depth = 1 if mode == "dual_side" else draw(st.sampled_from((1, 2, 3)))
    mma = [draw(st.sampled_from((1, 2, 4))), draw(st.sampled_from((1, 2, 4))), depth]
    issue = draw(st.sampled_from([d for d in range(1, 9) if np.prod(mma) % d == 0]))
    tiles = [f"{mma[0] * draw(st.sampled_from((1, 2, 4)))}x{mma[1] * draw(st.sampled_from((1, 2, 4)))}"
             f"_{group * draw(st.integers(1, 2))}x{draw(st.integers(2, 4))}" for _ in range(3)]
    small = st.integers(1, 40)
    return design(
        mode=mode, nm_keep=keep, nm_group=group, sms=draw(st.integers(1, 3)), sub_cores_per_sm=draw(st.integers(1, 4)),
        mma_m=mma[0], mma_n=mma[1], mma_k=mma[2], mma_issue_cycles=issue, mma_latency_cycles=draw(st.integers(0, 30)),
        tile=draw(st.sampled_from(("auto", tiles[0]))), sparse_tiles=tiles[:2], dense_tiles=tiles[1:],
        warp_edge=draw(st.sampled_from((1, 2, 4))), split_k=draw(st.integers(1, 3)), swizzle=draw(st.integers(1, 3)),
        operand_bits=draw(st.sampled_from((4, 8, 16))), accumulator_bits=draw(st.sampled_from((16, 32))),
        output_bits=draw(st.sampled_from((4, 8, 16))), shared_bytes_per_sm=draw(st.sampled_from((600, 4000))),
        shared_bytes_per_cycle=draw(st.integers(4, 200)), warps_per_sm=draw(st.sampled_from((8, 16, 32))),
        port_bytes_per_cycle=draw(small), l2_bytes=draw(st.sampled_from((0, 30, 200, 5000))),
        l2_bytes_per_cycle=draw(small), l2_latency_cycles=draw(st.integers(0, 20)), dram_bytes_per_cycle=draw(small),
        dram_latency_cycles=draw(st.integers(0, 20)), launch_cycles=draw(st.sampled_from((0, 0, 7))),
        clock_mhz=draw(st.sampled_from((1000.0, 999.7))), dram=draw(st.none() | drams()))


@st.composite
def mostly_sparse(draw: st.DrawFn) -> Layer:
    """Layers whose weights keep some N:M along channels, a few with one offending weight, and unstructured ones."""
    if draw(st.integers(0, 4)) == 0:
        return draw(testing.layers(size=10))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    keep, group = draw(st.sampled_from(NM))
    products, rows, channels = draw(st.integers(1, 2)), draw(st.integers(1, 9)), draw(st.integers(1, 17))
    taps = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    lines = products * rows * taps[0] * taps[1]
    weight = testing.tensor(rng, (lines, -(-channels // group), group), draw(st.sampled_from((.5, 1.0))))
    weight[rng.random(weight.shape).argsort(axis=2) >= keep] = 0
    weight = weight.reshape(lines, -1)[:, :channels].copy()
    if draw(st.integers(0, 5)) == 0:
        weight[rng.integers(lines), rng.integers(channels)] = 3
    if draw(st.booleans()):
        weight = weight[:, rng.permutation(channels)]
    density = draw(st.sampled_from((.3, 1.0)))
    if taps == (1, 1):
        activation = testing.tensor(rng, (products, draw(st.integers(1, 9)), channels), density)
        weight = weight.reshape(products, rows, channels)
        return matmul("m", weight, activation) if products > 1 else linear("l", weight[0], activation[0])
    filters = weight.reshape(products * rows, *taps, channels).transpose(0, 3, 1, 2)
    plane = testing.tensor(rng, (1, products * channels, *(t + draw(st.integers(0, 2)) for t in taps)), density)
    return conv2d("c", filters, plane, padding=draw(st.integers(0, 1)), groups=products)


class TestTensorCore(testing.MachineConformance):
    kind = "tensor_core"

    def configs(self) -> st.SearchStrategy[TensorCoreConfig]:
        return designs()

    def layers(self) -> st.SearchStrategy[Layer]:
        return mostly_sparse()

    def some_configs(self) -> Iterator[TensorCoreConfig]:
        tiny: dict[str, Any] = {
            "sms": 2, "mma_m": 2, "mma_n": 2, "mma_k": 2, "mma_issue_cycles": 2, "tile": "4x4_8x2", "l2_bytes": 64,
            "l2_bytes_per_cycle": 7, "dram_bytes_per_cycle": 3, "port_bytes_per_cycle": 5, "l2_latency_cycles": 3,
            "dram_latency_cycles": 4, "shared_bytes_per_cycle": 16}
        yield design(**tiny)
        yield design(**tiny, mode="dense", split_k=2)
        yield design(**{**tiny, "mma_k": 1}, mode="dual_side")
        yield design()
