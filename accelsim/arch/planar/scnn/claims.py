"""SCNN and its dense baselines: Parashar et al., "SCNN: An Accelerator for Compressed-sparse Convolutional Neural
Networks", ISCA 2017, and the public simulator DNNsim."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np

from accelsim.arch.registry import load_arch, machine
from accelsim.hw.energy import load_energy_table
from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact, Range, Table, Trend
from accelsim.workload.conv2d import Conv2d, conv2d
from accelsim.workload.matmul import linear
from accelsim.workload.published import load_workload
from accelsim.workload.synthetic import draw_trace
from accelsim.workload.trace import Trace

MACHINES = ("scnn", "dcnn", "dcnn_opt")
NETWORKS = {"AlexNet": "alexnet:scnn", "GoogLeNet": "googlenet:scnn", "VGG-16": "vgg16:scnn"}
DENSE_WEIGHTS = ("our dense baselines read a block of 16 channels of weights anew for each position that they hold: on "
                 "VGG-16 37 % of DCNN's energy and 59 % of DCNN-opt's, as gating does not save it; their dataflow and "
                 "the prices at 16 nm are not published")


# DNNsim

DNNSIM = {  # C, X, K, R, padding, density of weights, of activations: cycles, useful products, conflict slots
    (256, 13, 384, 3, 1, 1.0, 1.0): (221_952, 134_578_176, 0),
    (256, 13, 384, 3, 1, .35, .50): (102_586, 23_321_100, 14_406_352),
    (256, 14, 1024, 1, 0, .35, .50): (30_009, 9_009_236, 4_890_656),
    (4, 8, 8, 3, 1, .35, .50): (57, 3_001, 1_360)}


def dnnsim_layer(row: tuple[float, ...]) -> Conv2d:
    """DNNsim's test data, as patterns: normal values cut at a quantile, activations thinned afterwards."""
    channels, size, filters, taps, padding = (int(x) for x in row[:5])
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((filters, channels, taps, taps)).astype(np.float32)
    weight[np.abs(weight) < np.quantile(np.abs(weight), 1 - row[5])] = 0
    activation = np.abs(rng.standard_normal((1, channels, size, size))).astype(np.float32) + np.float32(.05)
    activation[rng.random(activation.shape) >= row[6]] = 0
    return conv2d("variant", weight != 0, activation != 0, padding=padding)


@cache
def dnnsim(row: tuple[float, ...]) -> RunNumbers:
    return measured(dnnsim_layer(row), "scnn_dnnsim")


def _dnnsim_claims(row: tuple[float, ...]) -> list[Claim]:
    channels, size, filters, taps, _, weights, active = row
    what = f"{channels} x {size} x {size}, {filters} filters {taps} x {taps}, densities {weights:g} and {active:g}"
    key = f"dnnsim.{filters}_{'dense' if weights == 1 else 'sparse'}"
    cycles, products, conflicts = DNNSIM[row]  # type: ignore[index]
    return [Claim(f"{key}.cycles", f"{what}: cycles", Exact(cycles), lambda: dnnsim(row).cycles),
            Claim(f"{key}.products", f"{what}: useful products", Exact(products), lambda: dnnsim(row).counts["macs"]),
            Claim(f"{key}.conflicts", f"{what}: conflict slots", Exact(conflicts),
                  lambda: dnnsim(row).stalls["bank_conflict"])]


VARIANT = Group(
    "Four layers of DNNsim", "DNNsim, as restated independently, on data from a stated generator",
    "preset scnn_dnnsim, which makes DNNsim's choices: a barrier per channel, no queue before the banks, a serial halo",
    tuple(claim for row in DNNSIM for claim in _dnnsim_claims(row)), seconds=1)


# networks at their published densities

@cache
def network(name: str) -> dict[str, RunNumbers]:
    trace = draw_trace(NETWORKS[name], seed=0, uniform=True, layers=None if name == "GoogLeNet" else "conv*")
    return {arch: measured(trace, arch) for arch in MACHINES}


def _every() -> list[dict[str, RunNumbers]]:
    return [network(name) for name in NETWORKS]


def _mean_energy(arch: str) -> float:
    """DCNN's energy over that of `arch`, the mean of the networks."""
    return float(np.mean([runs["dcnn"].energy_pj / runs[arch].energy_pj for runs in _every()]))


def _layer_energies(arch: str) -> list[float]:
    """Energy of `arch` over SCNN's, of every layer of every network."""
    return [theirs.energy_pj / ours.energy_pj for runs in _every()
            for theirs, ours in zip(runs[arch].layers, runs["scnn"].layers, strict=True)]


def _share(energy_pj: Callable[[RunNumbers], float]) -> float:
    """Percent of SCNN's energy, the mean of the networks."""
    return 100 * float(np.mean([energy_pj(runs["scnn"]) / runs["scnn"].energy_pj for runs in _every()]))


def _price_pj(count: str) -> float:
    config = load_arch("scnn")
    return load_energy_table(config.energy_table).price_pj(machine("scnn").actions(config)[count])


def _iaram_pj(numbers: RunNumbers) -> float:
    return numbers.counts["iaram_vector_reads"] * _price_pj("iaram_vector_reads")


def _penalties() -> list[float]:
    """Percent of energy that DRAM adds for inputs and outputs, of every layer in temporal tiles."""
    found = []
    tiled = (layer for runs in _every() for layer in runs["scnn"].layers if layer.mapping["temporal_tiles"] != [1, 1])
    for layer in tiled:
        extra = sum(layer.counts[count] * _price_pj(count) for count in ("dram_activation_bits", "dram_output_bits"))
        found.append(100 * extra / (layer.energy_pj - extra))
    return found


RECALLED = "recalled, approximate"
NETWORK = Group(
    "Networks", "SCNN paper (reading notes)",
    "shapes and densities of NVlabs/timeloop, src/data/cnn; masks drawn at random and independent, seed 0; "
    "convolutions alone; GoogLeNet is its inception modules; averages are means of the three networks; a layer fits "
    "when its inputs do, and what DRAM adds is its inputs and outputs; energies at 45 nm, planar_45nm",
    (Claim("vgg.speedup", "VGG-16: SCNN over DCNN", Table(3.52, rel=.1),
           lambda: network("VGG-16")["dcnn"].cycles / network("VGG-16")["scnn"].cycles,
           note="the paper had real masks, whose imbalance independent ones lack"),
     Claim("alexnet.macs", "AlexNet: multiplies", Table(.69, rel=.05),
           lambda: network("AlexNet")["scnn"].macs_dense / 1e9, "G", note=RECALLED),
     Claim("googlenet.macs", "GoogLeNet: multiplies", Table(1.1, rel=.05),
           lambda: network("GoogLeNet")["scnn"].macs_dense / 1e9, "G", note=RECALLED),
     Claim("vgg.macs", "VGG-16: multiplies", Table(15.3, rel=.05),
           lambda: network("VGG-16")["scnn"].macs_dense / 1e9, "G", note=RECALLED),
     Claim("energy.scnn", "DCNN's energy over SCNN's", Table(2.3, rel=.1), lambda: _mean_energy("scnn"),
           miss=DENSE_WEIGHTS),
     Claim("energy.dcnn_opt", "DCNN's energy over DCNN-opt's", Table(2.0, rel=.1), lambda: _mean_energy("dcnn_opt"),
           miss=DENSE_WEIGHTS),
     Claim("energy.layers_low", "DCNN's energy over SCNN's, least of all layers", Table(.89, rel=.15),
           lambda: min(_layer_energies("dcnn")), miss=DENSE_WEIGHTS),
     Claim("energy.layers_high", "DCNN's energy over SCNN's, largest of all layers",
           Table(4.7, rel=.15), lambda: max(_layer_energies("dcnn")),
           miss=DENSE_WEIGHTS),
     Claim("energy.opt_layers_low", "DCNN-opt's energy over SCNN's, least of all layers", Table(.76, rel=.15),
           lambda: min(_layer_energies("dcnn_opt")), note=RECALLED, miss=DENSE_WEIGHTS),
     Claim("energy.opt_layers_high", "DCNN-opt's energy over SCNN's, largest of all layers",
           Table(1.9, rel=.15), lambda: max(_layer_energies("dcnn_opt")), note=RECALLED, miss=DENSE_WEIGHTS),
     Claim("energy.fifo", "weight FIFO's share of SCNN's energy", Table(6.7, abs=2),
           lambda: _share(lambda n: n.energy_by_component["weight FIFO"]), "%",
           miss="6.6 % on VGG-16, 8.9 % on AlexNet, but 14.3 % on GoogLeNet, whose small planes read each weight for a "
                "few activations; the paper does not say of what its share is"),
     Claim("energy.iaram", "IARAM's share of SCNN's energy", Range(high=1), lambda: _share(_iaram_pj), "%",
           miss="1.0 % on AlexNet, 1.4 % on VGG-16 and 4.6 % on GoogLeNet, where an activation serves eight filters of "
                "one tap"),
     Claim("tiled.layers", "layers that do not fit on chip, of 72, all of VGG",
           Table(9, rel=.05), lambda: len(_penalties()),
           miss="seven layers have inputs that do not fit; conv1_1, conv4_1 and conv4_3 fit, but for outputs that may "
                "all be non-zero; the paper's count of outputs is not known"),
     Claim("tiled.penalty", "energy that DRAM adds to layers that do not fit, mean",
           Table(18, rel=.15), lambda: float(np.mean(_penalties())),
           "%"),
     Claim("tiled.penalty_low", "energy that DRAM adds to layers that do not fit, least",
           Table(5, abs=2), lambda: min(_penalties()), "%"),
     Claim("tiled.penalty_high", "energy that DRAM adds to layers that do not fit, largest",
           Table(62, rel=.15), lambda: max(_penalties()), "%")),
    seconds=10)


@cache
def fully_connected() -> RunNumbers:
    return measured(linear("fc", np.ones((1024, 1024), bool), np.ones(1024, bool)), "scnn")


FC = Group(
    "Fully connected layers and peak", "SCNN paper (reading notes)", "a dense layer of 1024 x 1024",
    (Claim("peak", "peak", Table(2, rel=.05), lambda: fully_connected().peak_tops, "TOP/s"),
     Claim("fc.utilization", "share of peak at most", Table(25, rel=.01),
           lambda: 100 * fully_connected().utilization, "%")))


# GoogLeNet over density

DENSITIES = (.75, .8, .85, .9)


def googlenet(density: float) -> Trace:
    """GoogLeNet's modules with weights and activations at one density."""
    plan = load_workload(NETWORKS["GoogLeNet"])
    layers = tuple(replace(x, weight_density=density, activation_density=density) for x in plan.layers)
    return draw_trace(replace(plan, layers=layers), seed=0, uniform=True)


@cache
def at_density(density: float) -> dict[str, RunNumbers]:
    trace = googlenet(density)
    return {arch: measured(trace, arch) for arch in MACHINES}


def _speed(density: float) -> float:
    return at_density(density)["dcnn"].cycles / at_density(density)["scnn"].cycles


def _energy_over(arch: str) -> Callable[[float], float]:
    return lambda density: at_density(density)["scnn"].energy_pj / at_density(density)[arch].energy_pj


def _equal(ratio: Callable[[float], float]) -> float:
    """The density at which `ratio` is 1, on straight lines between the densities simulated; an end if it is beyond."""
    for low, high in pairwise(DENSITIES):
        below, above = ratio(low), ratio(high)
        if (below - 1) * (above - 1) <= 0:
            return low + (high - low) * (1 - below) / (above - below)
    return DENSITIES[0] if abs(ratio(DENSITIES[0]) - 1) < abs(ratio(DENSITIES[-1]) - 1) else DENSITIES[-1]


OVER_DENSITY = Group(
    "GoogLeNet over density", "SCNN paper, sensitivity to density (reading notes)",
    "weights and activations at one density, drawn at random, seed 0; densities .75, .80, .85, .90 and 1, straight "
    "lines between them",
    (Claim("dense.speed", "speed over DCNN's, dense", Table(79, abs=5), lambda: 100 * _speed(1.0), "%"),
     Claim("dense.energy", "energy over DCNN's, dense", Table(1.33, abs=.1), lambda: _energy_over("dcnn")(1.0),
           note="a matter of the table: if DCNN's weight buffer cost per bit what SCNN's FIFO costs, it would be 1.56"),
     Claim("equal.speed", "density of equal speed", Table(.85, abs=.05), lambda: _equal(_speed),
           miss="with 8 filters to a group a 1 x 1 block has 8 weights: at .85 it still takes two vectors of 4, and "
                "the 4 activations of a 2 x 2 tile still take one. From 1 to .85 the published curve gains 1.27x, our "
                "whole vectors 1.15x; vectors that fill on average, as an analytical model has them, would gain 1.38x"),
     Claim("equal.energy", "density of energy equal to DCNN's",
           Table(.83, abs=.05), lambda: _equal(_energy_over("dcnn"))),
     Claim("equal.energy_opt", "density of energy equal to DCNN-opt's", Table(.60, abs=.05),
           lambda: _equal(_energy_over("dcnn_opt")), miss=DENSE_WEIGHTS)),
    seconds=30)


# behind a DRAM

@cache
def late_vgg_layer() -> Trace:
    """VGG-16's conv5_2 fits SCNN's RAMs."""
    return draw_trace("vgg16:scnn", seed=0, uniform=True, layers="conv5_2")


@cache
def slowdown(gbps: float) -> float:
    """Cycles behind a DRAM over cycles without one."""
    return measured(late_vgg_layer(), "scnn", dram__gbps=gbps).cycles / measured(late_vgg_layer(), "scnn").cycles


def _slowing_gbps() -> float:
    """The bandwidth at which the layer becomes 5 % slower, to a tenth."""
    low, high = 10, 500  # tenths of GB/s: slower there, not slower here
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if slowdown(middle / 10) > 1.05 else (low, middle)
    return high / 10


MEMORY = Group(
    "Behind a DRAM", "SCNN paper (reading notes)",
    "VGG-16's conv5_2 as above, which fits the chip; slower means 5 % more cycles",
    (Claim("dram.nominal", "cycles at the nominal 50 GB/s over those without a bound", Trend("not slower", high=1.02),
           lambda: slowdown(50.0)),
     Claim("dram.limit", "bandwidth below which it slows", Table(4, rel=.25), _slowing_gbps, "GB/s",
           miss="every weight of a late layer is read once per image, 1.7 MB in 20-bit entries within 0.15 ms, which "
                "no schedule can hide at 4 GB/s; the statement may be about the layers in temporal tiles alone, or "
                "about weights that several images share")),
    seconds=3)


CHAPTER = Chapter(
    "scnn", "SCNN, DCNN and DCNN-opt", ("scnn", "dcnn"),
    exact="With the choices of the public simulator DNNsim, four layers equal it in cycles, useful products and "
          "conflict slots. Vectors, fragments, bank conflicts, halos, group barriers and placeholders are simulated "
          "for each PE.",
    abstracted="The bank hash, the queues before the banks and the rates of halo exchange and post-processing are "
               "other simulators' or ours, as the paper does not give them. Weights arrive in time, unless the design "
               "has a DRAM. DCNN's insides are our reading of one sentence. Energies are those of 45 nm, the paper's "
               "are of 16 nm.",
    groups=(VARIANT, NETWORK, FC, OVER_DENSITY, MEMORY),
    unchecked=(
        ("speed-up of AlexNet and GoogLeNet, per-layer speed-ups and utilisations (Figs. 8 to 10)",
         "bars without values"),
        ("areas, 7.9 and 5.9 mm2, and their split", "inputs: the presets state them"),
        ("sizes of the largest layers, share of fully connected layers",
         "properties of the networks, not of the machine"),
        ("SCNN (oracle)", "without values; results carry ours as oracle_cycles"),
        ("energy at 16 nm", "prices not published"),
    ))
