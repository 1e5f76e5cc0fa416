"""Procrustes: Yang et al., "Procrustes: a Dataflow and Accelerator for Sparse Deep Neural Network Training",
MICRO 2020."""

from dataclasses import replace
from functools import cache, partial

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import Numbers, measured
from accelsim.validation.target import Range, Table, Trend
from accelsim.workload.layer import Conv2d, conv2d
from accelsim.workload.synthetic import draw_trace
from accelsim.workload.trace import Trace

INPUT_LAYERS = {"resnet18": "conv1", "mobilenet_v2": "conv1", "vgg_s": "conv1_1", "wrn_28_10": "conv1",
                "densenet": "conv1"}
NAMES = {"resnet18": "ResNet-18", "mobilenet_v2": "MobileNet v2", "vgg_s": "VGG-S", "wrn_28_10": "WRN-28-10",
         "densenet": "DenseNet"}
IMAGES = 16
SEEDS = 40


# the algorithm

ROWS = {  # channels; channels and filters held by a PE; one weight in so many: speed-up without and with balancing
    (64, (4, 4), 11.7): (7.79, 10.30), (64, (4, 4), 5.2): (3.97, 4.83),
    (256, (2, 16), 11.7): (8.64, 10.81), (256, (2, 16), 5.2): (4.27, 4.97)}


def row_layer(channels: int, factor: float, seed: int) -> Conv2d:
    """3 x 3 filters with a Bernoulli mask; 16 images."""
    mask = np.random.default_rng(seed).random((channels, channels, 3, 3)) < 1 / factor
    return conv2d("c", mask, np.ones((IMAGES, channels, 4, 4), bool), padding=1)


@cache
def row_speedup(channels: int, depth: int, factor: float, policy: str) -> float:
    """Forward pass, dense over sparse cycles, mean of the draws."""
    changes = {"tile_depth": depth, "phases": ["forward"]}
    whole = measured(row_layer(channels, 1, 0), "procrustes_dense", policy="none", **changes).cycles
    return float(np.mean([whole / measured(row_layer(channels, factor, seed), "procrustes", policy, **changes).cycles
                          for seed in range(SEEDS)]))


def _row_claims(channels: int, per_pe: tuple[int, int], factor: float) -> list[Claim]:
    published = dict(zip(("none", "half_tile"), ROWS[channels, per_pe, factor], strict=True))
    what = f"{channels} channels, {per_pe[0]} x {per_pe[1]} per PE, one weight in {factor:g}"
    words = {"none": "without balancing", "half_tile": "half tiles paired"}
    return [Claim(f"half_tile.{channels}_{factor:g}.{policy}", f"{what}: {words[policy]}", Table(value, rel=.02),
                  partial(row_speedup, channels, per_pe[0], factor, policy)) for policy, value in published.items()]


ALGORITHM = Group(
    "The half-tile algorithm on random masks",
    "the authors' algorithm, run by a third party on Bernoulli masks (mean of 12 draws)",
    f"speed-up of the forward pass over dense training, filters on 16 rows, 3 x 3; mean of seeds 0 to {SEEDS - 1}",
    tuple(claim for row in ROWS for claim in _row_claims(*row)), seconds=2)


# networks

@cache
def training_trace(name: str) -> Trace:
    """Drawn weights, a minibatch of empty images: activations do not matter to Procrustes."""
    layers = []
    for layer in draw_trace(f"{name}:erk", seed=1):
        shape = list(layer.activation.shape)
        shape[0 if layer.op == "conv2d" else 1] = IMAGES
        layers.append(replace(layer, activation=np.zeros(shape, bool)))
    return Trace(layers, name)


@cache
def iteration(name: str, arch: str = "procrustes", policy: str | None = None, dataflow: str = "kn") -> Numbers:
    """One training iteration of a network."""
    policy = "none" if arch == "procrustes_dense" else policy
    return measured(training_trace(name), arch, policy, input_layers=[INPUT_LAYERS[name]], dataflow=dataflow)


def _speedup(name: str) -> float:
    return iteration(name, "procrustes_dense").cycles / iteration(name).cycles


def _energy(name: str) -> float:
    return iteration(name, "procrustes_dense").energy_pj / iteration(name).energy_pj


def _kn_over_others(name: str) -> float:
    return iteration(name).cycles / min(iteration(name, dataflow=other).cycles for other in ("cn", "ck", "pq"))


@cache
def overheads(name: str, policy: str) -> tuple[float, ...]:
    """Percent of waiting over work, of each convolution's forward and backward pass."""
    trace = training_trace(name)
    convolutions = Trace([layer for layer in trace.layers if layer.op == "conv2d"], name)
    run = measured(convolutions, "procrustes", policy, phases=["forward", "backward"],
                   input_layers=[INPUT_LAYERS[name]])
    return tuple(100 * layer.stalls["barrier"] / layer.stalls["busy"] for layer in run.layers)


SPEED_MISS = {
    "resnet18": "the assumed split leaves 1/4.36 of the multiply-accumulates; the paper's own split is not known",
    "densenet": "dense DenseNet uses 75 % of the array (20 filters on 16 rows), and sparse pairs use the idle rows"}
ENERGY_MISS = {
    "resnet18": "multiply-accumulates, registers and DRAM (weights pass many times) all fall by 4.3 to 4.6",
    "mobilenet_v2": "activations from DRAM take most of the energy, and they are not compressed"}
FLOW_MISS = {"densenet": "20 filters on 16 rows cost K,N more than uneven channels cost C,N"}
AFTER_MISS = {"densenet": "20 filters on 16 rows: a half is one filter, so that 12 rows get one and 4 rows two"}


def _network_claims(name: str) -> list[Claim]:
    title = NAMES[name]
    return [
        Claim(f"{name}.speedup", f"{title}: speed over dense training", Range(2.28, 4), partial(_speedup, name),
              miss=SPEED_MISS.get(name, "")),
        Claim(f"{name}.energy", f"{title}: energy of dense training over sparse", Range(2.27, 3.26),
              partial(_energy, name), miss=ENERGY_MISS.get(name, "")),
        Claim(f"{name}.dataflow", f"{title}: cycles of K,N over the best of C,N, C,K and P,Q",
              Trend("the fastest", high=1), partial(_kn_over_others, name), miss=FLOW_MISS.get(name, "")),
        Claim(f"{name}.before", f"{title}: median overhead of imbalance, not balanced",
              Trend("tens of percent", 10, 60), lambda: float(np.median(overheads(name, "none"))), "%",
              note="recalled"),
        Claim(f"{name}.after", f"{title}: layers with an overhead below 10 %, balanced", Trend("most", low=50),
              lambda: 100 * float(np.mean(np.array(overheads(name, "half_tile")) < 10)), "%", note="recalled",
              miss=AFTER_MISS.get(name, ""))]


NETWORKS = Group(
    "Training iterations of five networks",
    "Procrustes paper, abstract (4x and 3.26x); lower ends and the rest recalled",
    "the paper gives ranges over the five, nothing for one and no densities for layers: the published sparsity is "
    "split by the Erdos-Renyi-Kernel rule, filters as uneven as in recorded networks (workloads NAME:erk, seed 1), 16 "
    "images; overheads are those of whole passes of a layer",
    tuple(claim for name in NAMES for claim in _network_claims(name)), seconds=9)


CHAPTER = Chapter(
    "procrustes", "Procrustes", ("procrustes",),
    exact="The pairing of half tiles follows the authors' code; speed-ups on random masks agree with a third party's "
          "runs of it within 2 %, and those are means of draws that are not kept. Loads of every tile are the real "
          "non-zeros of its mask.",
    abstracted="The mapping search of the paper's simulator: tiles are chosen by a stated rule. What lies between PEs "
               "and global buffer is counted, not timed, unless glb_bound is set. Densities of layers are assumptions.",
    groups=(ALGORITHM, NETWORKS),
    unchecked=(
        ("bars for each network and phase", "not available"),
        ("area about 14 %, power about 11 % more than the dense array (recalled)",
         "no area model; power is not split that way"),
        ("32 x 32 PEs", "without values"),
        ("parameters kept, 3.9x to 11.7x fewer", "inputs: the workloads state them"),
        ("order of magnitude of pruning at unpruned accuracy",
         "no property of the machine; a real run of the training method is the "
         "shipped trace digits_training"),
        ("single draws of the half-tile table", "the draws are not kept; their means are above"),
    ))
