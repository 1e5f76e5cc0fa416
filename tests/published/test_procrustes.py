"""How far is Procrustes from the published numbers?

Rows: the authors' half-tile algorithm on Bernoulli masks, run by a third party (mean of twelve draws); ours are held
to 2 %. Networks: the paper's abstract and what is recalled of its figures give ranges over five networks, nothing per
network and no densities per layer. We take the Erdos-Renyi-Kernel split of the published sparsity (our assumption, in
the workload files) and filters as uneven as in recorded networks. What does not hold is an expected failure with its
number.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import accelsim
from accelsim.arch import load_arch, machine
from accelsim.arch.procrustes.geometry import loops_of, map_pass
from accelsim.arch.procrustes.passes import _sets, mask_of
from accelsim.workload.layer import conv2d

MODEL = machine("procrustes")
INPUT_LAYERS = {"resnet18": "conv1", "mobilenet_v2": "conv1", "vgg_s": "conv1_1", "wrn_28_10": "conv1",
                "densenet": "conv1"}
IMAGES = 16


class TestReferenceRows:
    """Speed-up of the forward pass, K on 16 rows, 3 x 3 filters; each PE holds channels x filters as given."""

    SEEDS = 40

    @pytest.mark.parametrize(("channels", "per_pe", "factor", "synchronous", "half_tile"), [
        (64, (4, 4), 11.7, 7.79, 10.30), (64, (4, 4), 5.2, 3.97, 4.83),
        (256, (2, 16), 11.7, 8.64, 10.81), (256, (2, 16), 5.2, 4.27, 4.97)])
    def test_row(self, channels, per_pe, factor, synchronous, half_tile):
        changes = {"tile_depth": per_pe[0], "phases": ["forward"]}
        sparse, dense = (load_arch(name, changes) for name in ("procrustes", "procrustes_dense"))
        found: dict[str, list[float]] = {"none": [], "half_tile": []}
        for seed in range(self.SEEDS):
            mask = np.random.default_rng(seed).random((channels, channels, 3, 3)) < 1 / factor
            layer = conv2d("c", mask, np.ones((IMAGES, channels, 4, 4), bool), padding=1)
            whole = MODEL.run(layer, dense, MODEL.policies["none"]).cycles
            for policy, speedups in found.items():
                run = MODEL.run(layer, sparse, MODEL.policies[policy])
                assert run.mapping["forward_tile"] == [per_pe[1], per_pe[0], 2, 2]
                speedups.append(whole / run.cycles)
        assert np.mean(found["none"]) == pytest.approx(synchronous, rel=0.02)
        assert np.mean(found["half_tile"]) == pytest.approx(half_tile, rel=0.02)


@cache
def training_trace(name: str) -> accelsim.Trace:
    """Drawn weights, a minibatch of empty images: activations do not matter to Procrustes."""
    drawn = accelsim.draw_trace(name, seed=1)
    layers = []
    for layer in drawn:
        shape = list(layer.activation.shape)
        shape[0 if layer.op == "conv2d" else 1] = IMAGES
        layers.append(replace(layer, activation=np.zeros(shape, bool)))
    return accelsim.Trace(layers, name)


@cache
def iteration(name: str, arch: str = "procrustes", policy: str | None = None, dataflow: str = "kn") -> accelsim.Result:
    """One training iteration of a network at 16 images."""
    policy = "none" if arch == "procrustes_dense" else policy
    return accelsim.simulate(training_trace(f"{name}:erk"), arch, policy=policy,
                             set={"input_layers": [INPUT_LAYERS[name]], "dataflow": dataflow})


def networks(misses: dict[str, str]) -> list[object]:
    return [pytest.param(name, marks=pytest.mark.xfail(reason=misses[name], strict=True)) if name in misses else name
            for name in INPUT_LAYERS]


@pytest.mark.slow
class TestNetworks:
    @pytest.mark.parametrize("name", networks({
        "resnet18": "4.4: the split leaves 1/4.36 of the multiply-accumulates; the paper's own split is not known",
        "densenet": "4.05: dense DenseNet uses 75 % of the array (20 filters on 16 rows), sparse pairs use idle rows"}))
    def test_speedup_over_dense_training(self, name):
        assert 2.28 <= iteration(name, "procrustes_dense").cycles / iteration(name).cycles <= 4

    @pytest.mark.parametrize("name", networks({
        "resnet18": "4.5: multiply-accumulates, registers and DRAM (weights pass many times) all fall by 4.3 to 4.6",
        "mobilenet_v2": "1.5: activations from DRAM take most of the energy, and they are not compressed"}))
    def test_energy_against_dense_training(self, name):
        assert 2.27 <= iteration(name, "procrustes_dense").energy_pj / iteration(name).energy_pj <= 3.26

    @pytest.mark.parametrize("name", networks({
        "densenet": "C,N takes 6 % fewer cycles: 20 filters on 16 rows cost K,N more than uneven channels cost C,N"}))
    def test_kn_is_the_fastest_dataflow(self, name):
        assert min(("kn", "cn", "ck", "pq"), key=lambda flow: iteration(name, dataflow=flow).cycles) == "kn"

    @pytest.mark.parametrize("name", INPUT_LAYERS)
    def test_policies_are_ordered(self, name):
        cycles = {policy: iteration(name, policy=policy).cycles for policy in MODEL.policies}
        assert cycles["ideal"] <= cycles["half_tile"] < cycles["none"]
        assert cycles["ideal"] <= cycles["work_stealing"] < cycles["none"]

    @pytest.mark.parametrize("name", ["resnet18", "vgg_s", "wrn_28_10"])
    def test_overhead_of_imbalance_before_and_after(self, name):
        """Tens of percent before, mostly below 10 % after: slowest PE over the mean, per set of the convolutions."""
        before, after = (overheads(name, policy) for policy in ("none", "half_tile"))
        assert 0.15 < np.median(before) < 0.5 and (before < 0.1).mean() < 0.1
        assert (after < 0.1).mean() > 0.75 and np.median(after) < 0.06


def overheads(name: str, policy: str) -> np.ndarray:
    """Slowest / mean - 1 of every set in the forward and backward passes of the convolutions."""
    config, parts = load_arch("procrustes"), []
    for layer in training_trace(f"{name}:erk"):
        if layer.op == "conv2d":
            loops = loops_of(layer)
            mask = mask_of(layer, loops, sparse=True)
            for phase in ("forward", "backward"):
                work = _sets(layer, mask, map_pass(layer, loops, mask.bits, phase, config), config).work
                mean = work.sum(axis=(1, 2)) / work.shape[1]
                parts.append(MODEL.policies[policy](work).load.max(axis=1) / mean - 1)
    return np.concatenate(parts)


class TestRealMasks:
    """`digits_training`: masks of a real sparse training run. No published counterpart; what we claim of it."""

    def test_imbalance_on_real_masks(self):
        trace = accelsim.load_trace("digits_training")
        whole = accelsim.simulate(trace, "procrustes_dense").cycles
        speedup = {policy: whole / accelsim.simulate(trace, "procrustes", policy=policy).cycles
                   for policy in MODEL.policies}
        assert speedup["none"] < speedup["work_stealing"] < speedup["half_tile"] < speedup["ideal"]
        assert speedup["half_tile"] / speedup["none"] > 1.1
