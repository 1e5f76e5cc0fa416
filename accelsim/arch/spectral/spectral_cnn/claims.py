"""Spectral CNN, its released controller and SPEC2: cycles of VGG-16, runs and loads of the authors' Verilog."""

from functools import cache
from typing import Any

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact, Range, Table
from accelsim.workload.conv2d import conv2d

VGG = {  # channels, kernels, plane: cycles of the multipliers with 16 rows in every schedule
    "conv1_2": ((64, 64, 224), 164_864), "conv2_1": ((64, 128, 112), 83_968), "conv2_2": ((128, 128, 112), 167_936),
    "conv3_1": ((128, 256, 56), 98_304), "conv3_2": ((256, 256, 56), 196_608), "conv3_3": ((256, 256, 56), 196_608),
    "conv4_1": ((256, 512, 28), 98_304), "conv4_2": ((512, 512, 28), 196_608), "conv4_3": ((512, 512, 28), 196_608),
    "conv5_1": ((512, 512, 14), 65_536), "conv5_2": ((512, 512, 14), 65_536), "conv5_3": ((512, 512, 14), 65_536)}


@cache
def vgg(arch: str, policy: str | None = None) -> dict[str, int]:
    """Cycles of the multipliers by layer."""
    found = {}
    for number, (name, ((channels, kernels, size), _)) in enumerate(VGG.items()):
        weight = np.random.default_rng(number).integers(-99, 100, (kernels, channels, 3, 3)).astype(np.int8)
        layer = conv2d(name, weight, np.ones((1, channels, size, size), bool), padding=1)
        ports = {"replicas": 64, "selector_bits": 6} if arch == "spectral_cnn" and policy is None else {}
        found[name] = measured(layer, arch, policy, **ports).counts["hadamard_cycles"]
    return found


def vgg_ms(arch: str, policy: str | None = None) -> float:
    return sum(vgg(arch, policy).values()) / 200e3


@cache
def released(channels: int, kernels: int, tiles: int, **changes: Any) -> RunNumbers:
    """A row of so many tiles on the released controller."""
    layer = conv2d("row", np.ones((kernels, channels, 3, 3), np.int8), np.ones((1, channels, 6, 6 * tiles), np.int8),
                   padding=1)
    return measured(layer, "spectral_cnn_rtl", **changes)


def run_cycles(latency: int) -> float:
    run = released(1, 64, 9, multiplier_latency_cycles=latency, extra_pass=False, replicas=16)
    return sum(run.stalls[name] for name in ("busy", "zero_operand", "bubble", "run_overhead")) / (9 * 64)


LOADS = {(4, 128, 18, 64, 9): (20, 20), (4, 128, 18, 128, 9): (10, 20), (4, 128, 18, 64, 18): (20, 10),
         (3, 64, 9, 64, 9): (4, 4)}  # channels, kernels, tiles, kernel block, tile block: loads of inputs, of kernels


def loads(case: tuple[int, ...], of: str) -> int:
    *shape, kernel_block, tile_block = case
    return released(*shape, kernel_block=kernel_block, tile_block=tile_block).counts[f"{of}_loads"]


DRAWN = "weights drawn uniformly, seed = number of the layer; without conv1_1, which the authors run as a convolution"
CHAPTER = Chapter(
    "spectral", "Spectral CNN, its released controller, SPEC2", ("spectral_cnn", "spectral_cnn_rtl", "spec2"),
    exact="cycles of the multipliers, runs and loads of the authors' Verilog",
    abstracted="rules are from third parties: no full paper could be read. Transforms and loads are hidden where 9 ms "
               "leave no room for them; kernels are pruned here, once",
    groups=(
        Group("VGG-16, 16 rows in every schedule", "derived from the authors' Verilog; FPGA 2020, abstract",
              f"a replica for each kernel; {DRAWN}",
              (*(Claim(f"vgg.{name}", name, Exact(cycles), lambda name=name: vgg("spectral_cnn")[name], "cycles")
                 for name, (_, cycles) in VGG.items()),
               Claim("vgg.ms", "all, at 200 MHz", Table(7.98, rel=.001), lambda: vgg_ms("spectral_cnn"), "ms"),
               Claim("spec2.ms", "SPEC2: the abstract's baseline", Range(68, 69), lambda: vgg_ms("spec2"), "ms",
                     note="that SPEC2 is that baseline is a guess")), seconds=4),
        Group("VGG-16 in 9 ms", "FPGA 2020, abstract", f"10 replicas; {DRAWN}", tuple(
            Claim(f"nine.{policy}", f"policy {policy}", Table(9, rel=.02), lambda policy=policy: vgg_ms("spectral_cnn",
                  policy), "ms", miss="the paper's heuristic is not known, and patterns that were trained lie closer "
                  "together than drawn ones") for policy in ("max_cover", "rare_last")), seconds=6),
        Group("The released controller", "yuehniu/CNN.frequencyFPGA, simulated", "none", (
            *(Claim(f"run.{latency}", f"cycles of a run, {latency} to the product", Exact(cycles),
                    lambda latency=latency: run_cycles(latency), "cycles")
              for latency, cycles in ((3, 27), (5, 29), (6, 30), (7, 31), (8, 32))),
            *(Claim(f"loads.{of}.{'-'.join(map(str, case))}", f"{of} loads: channels, kernels, tiles, blocks "
                    f"{', '.join(map(str, case))}", Exact(counted[of == "kernel"]),
                    lambda case=case, of=of: loads(case, of))
              for case, counted in LOADS.items() for of in ("input", "kernel"))))),
    unchecked=(("42 % less transfer", "its baseline is not stated"),
               ("SPEC2: up to 24x the throughput of earlier designs", "throughput and latency are of different runs")))
