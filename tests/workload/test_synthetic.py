"""Drawn traces: exact in number, equal for equal seeds, and as uneven as recorded networks."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim.errors import ConfigError
from accelsim.workload.dispersion import RECORDED, UNIFORM, Dispersion, densities, logistic, shared_out, shift_to
from accelsim.workload.planned import PlannedLayer, Workload
from accelsim.workload.spread import spread_of
from accelsim.workload.synthetic import _draw, draw_trace
from accelsim.workload.tables import ConvShape, MatmulShape


def conv(channels=32, side=14, filters=64, kernel=3, groups=1, weight=0.2, activation=0.5):
    shape = ConvShape(name="conv", op="conv2d", input=[channels, side, side], filters=filters, kernel=[kernel, kernel],
                      stride=[1, 1], padding=[kernel // 2] * 2, groups=groups)
    return PlannedLayer(shape, weight, activation, "s", "s", None)


def linear(inputs=200, outputs=100, vectors=1, weight=0.1, activation=0.4, n_of_m=None):
    shape = MatmulShape(name="linear", op="linear", inputs=inputs, outputs=outputs, vectors=vectors)
    return PlannedLayer(shape, weight, activation, "s", "s", n_of_m)


def workload(*layers):
    return Workload("test:one", "x", layers, (), {}, {}, False)


shares = st.one_of(st.sampled_from([0.0, 1.0, 0.001, 0.999]), st.floats(0, 1))


@given(st.data())
def test_the_number_of_nonzeros_is_exact(data):
    groups = data.draw(st.sampled_from([1, 2, 4]))
    plan = workload(
        conv(groups * data.draw(st.integers(1, 6)), data.draw(st.integers(3, 12)),
             groups * data.draw(st.integers(1, 8)), data.draw(st.sampled_from([1, 3])), groups,
             data.draw(shares), data.draw(shares)),
        linear(data.draw(st.integers(1, 60)), data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3)),
               data.draw(shares), data.draw(shares)))
    spread = data.draw(st.sampled_from([RECORDED, UNIFORM, Dispersion(4, 4, 4, 4, 6, 1, 3, 2)]))
    trace = draw_trace(plan, data.draw(st.integers(0, 1 << 40)), batch=data.draw(st.integers(1, 3)),
                       values=data.draw(st.booleans()), dispersion=spread)
    for planned, layer in zip(plan.layers, trace, strict=True):
        for density, tensor in ((planned.weight_density, layer.weight), (planned.activation_density, layer.activation)):
            assert np.count_nonzero(tensor) == round(density * tensor.size)


def test_same_seed_same_bytes(tmp_path):
    drawn = [draw_trace("lstm_ese", seed) for seed in (7, 7, 8)]
    assert drawn[0].digest == drawn[1].digest != drawn[2].digest
    a, b = (t.save(tmp_path / f"{i}.safetensors").read_bytes() for i, t in enumerate(drawn[:2]))
    assert a == b


def test_a_layer_does_not_depend_on_the_others():
    whole = draw_trace("alexnet", 3)
    one = draw_trace("alexnet", 3, layers="conv[!1]")
    assert [layer.name for layer in one] == ["conv2", "conv3", "conv4", "conv5"]
    assert all(layer.digest == whole[layer.name].digest for layer in one)
    assert one.edges == (("conv2", "conv3"), ("conv3", "conv4"), ("conv4", "conv5"))


def test_values_sit_on_nonzeros_and_every_engine_runs_them():
    trace = draw_trace(workload(conv(4, 5, 6), linear(30, 20)), 1, values=True)
    for layer in trace:
        assert layer.weight.dtype == layer.activation.dtype == np.int8
        assert layer.weight.min() < 0 <= layer.activation.min()
    assert accelsim.simulate(trace, "eie", set={"pes": 4}).cycles == accelsim.simulate(
        trace, "eie", engine="reference", set={"pes": 4}).cycles


@pytest.mark.parametrize("inputs", [64, 30])
def test_n_of_m(inputs):
    weight = draw_trace(workload(linear(inputs, 50, weight=0.5, n_of_m=(2, 4))), 0)["linear"].weight[0]
    groups = weight[:, :inputs // 4 * 4].reshape(50, -1, 4).sum(axis=2)
    assert (groups == 2).all()
    assert weight[:, inputs // 4 * 4:].sum(axis=1).max(initial=0) <= 2


def test_uniform_masks_vary_by_chance_alone():
    layer = draw_trace(workload(conv(256, 14, 256, weight=0.1, activation=0.5)), 0, uniform=True)["conv"]
    spread = spread_of(layer)
    assert spread.filters == pytest.approx(np.sqrt(0.9 / 0.1 / (256 * 9)), rel=0.15)
    assert spread.inputs == pytest.approx(np.sqrt(0.9 / 0.1 / (256 * 9)), rel=0.15)
    assert spread.channels == pytest.approx(np.sqrt(1 / 196), rel=0.15)
    assert spread.positions == pytest.approx(np.sqrt(1 / 256), rel=0.15)
    assert abs(spread.neighbours) < 0.02


def test_the_defaults_reproduce_recorded_networks():
    """Medians over the convolutions of recorded networks (docs/workloads.md): filters .27, inputs .33 at a weight
    density of 20 %; channels .48, positions .10, neighbours .37 at about half density."""
    drawn = [spread_of(draw_trace(workload(conv(128, 14, 128, weight=0.2, activation=0.48)), seed)["conv"])
             for seed in range(8)]
    for field, recorded in (("filters", 0.27), ("inputs", 0.33), ("channels", 0.48), ("positions", 0.10),
                            ("neighbours", 0.37)):
        assert np.median([getattr(s, field) for s in drawn]) == pytest.approx(recorded, rel=0.3), field


def test_closer_to_the_shipped_recording_than_uniform_masks_are():
    """An independent recording: inputs of weights and neighbours of activations, compared in ratio.

    Its filters and channels are less spread than those of the networks behind the defaults (docs/workloads.md).
    """
    for layer in list(accelsim.load_trace("digits_cnn"))[1:3]:
        shape = conv(layer.weight.shape[1], 8 if layer.name == "conv2" else 4, layer.weight.shape[0], 3, 1,
                     float((layer.weight != 0).mean()), float((layer.activation != 0).mean()))
        real = spread_of(layer)
        drawn, uniform = ([spread_of(draw_trace(workload(shape), s, 8, uniform=u)["conv"]) for s in range(5)]
                          for u in (False, True))
        for field in ("inputs", "neighbours"):
            target = getattr(real, field)
            miss = [abs(np.log(max(np.median([getattr(s, field) for s in group]), 0.01) / max(target, 0.01)))
                    for group in (drawn, uniform)]
            assert miss[0] < miss[1], (layer.name, field)


def test_a_channel_is_alike_in_all_images_of_a_batch():
    layer = draw_trace(workload(conv(128, 14, 8, activation=0.5)), 0, batch=4)["conv"]
    per_channel = layer.activation.mean(axis=(2, 3))
    likeness = np.corrcoef(per_channel)[np.triu_indices(4, 1)]
    assert likeness.min() > 0.6 and likeness.max() < 0.95


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.integers(1, 30), st.floats(0, 1))
def test_shared_out(weights, room, share):
    total = round(share * room * len(weights))
    counts = shared_out(total, np.array(weights), room)
    assert counts.sum() == total and counts.min() >= 0 and counts.max() <= room


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=50), st.floats(0, 1))
def test_densities_keep_their_mean_and_order(odds, mean):
    found = densities(np.array(odds), mean)
    assert found.mean() == pytest.approx(mean, abs=1e-6)
    assert (np.diff(found[np.argsort(odds)]) >= 0).all()


def test_what_a_drawn_trace_says_of_itself():
    made = draw_trace("googlenet", 5, layers="5b.*").made_by
    assert "not recorded" in made["synthetic"] and made["seed"] == 5 and made["workload"] == "googlenet:scnn"
    assert "timeloop" in made["sources"] and "conv1" in made["omitted"]


@pytest.mark.parametrize("arguments", [
    {"seed": -1}, {"seed": 1.5}, {"seed": True}, {"batch": 0}, {"batch": 1 << 20}, {"layers": ["zz*"]},
    {"uniform": True, "dispersion": RECORDED}, {"workload": "alexnett"}, {"workload": "alexnet:zz"},
    {"workload": "deepbench_sparse", "batch": 1 << 16},
], ids=str)
def test_mistakes(arguments):
    with pytest.raises(ConfigError):
        draw_trace(**{"workload": "alexnet", "seed": 0} | arguments)


@pytest.mark.parametrize("bad", [-1, 11, float("nan"), "x", True])
def test_a_spread_must_be_a_number(bad):
    with pytest.raises(ConfigError, match="channel"):
        Dispersion(0, 0, 0, 0, bad, 0, 0, 0)


@pytest.mark.slow
def test_vgg16_is_drawn_and_saved_in_bounds(tmp_path):
    """Less than 60 s and 1.5 GiB for a pattern-only VGG-16."""
    code = ("import accelsim, resource, sys\n"
            "accelsim.draw_trace('vgg16', 0).save(sys.argv[1])\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "v.safetensors")], check=True, timeout=60,
                          capture_output=True, text=True)
    unit = 1024 if sys.platform != "darwin" else 1
    assert int(done.stdout) * unit < 1.5 * 2**30


@given(st.integers(0, 1 << 30), st.floats(0.0005, 0.9995), st.sampled_from([0.0, 0.2, 1.4, 6.0]))
def test_the_shift_is_that_of_plain_bisection_to_the_last_bit(seed, mean, spread):
    """Drawn traces hang on its last bit; middles that are far from the root are not looked at."""
    log_odds = spread * np.random.default_rng(seed).standard_normal((16, 16))
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(logistic(log_odds + middle).mean()) < mean else (low, middle)
    assert shift_to(log_odds, mean) == (low + high) / 2


@given(st.integers(0, 1 << 30), st.sampled_from([1, 9]), st.sampled_from([-30.0, -4.0, 0.0, 5.0]))
def test_places_are_drawn_as_from_their_densities(seed, taps, shift):
    odds = np.random.default_rng(seed + 1)
    rows, cols, owner = 3 * odds.standard_normal(40), odds.standard_normal((2, 30)), np.arange(40) // 20
    pattern = np.empty((40, 30 * taps), bool)
    _draw(np.random.default_rng(seed), rows, cols, owner, taps, shift, pattern)
    chance = logistic(rows[:, None] + cols[owner] + shift).astype(np.float32)
    numbers = np.random.default_rng(seed).random((*chance.shape, taps), dtype=np.float32)
    assert np.array_equal(pattern, (numbers < chance[:, :, None]).reshape(pattern.shape))
