"""Real and drawn recurrent networks, recorded, pruned with equal totals and run whole on a machine that knows them."""

import numpy as np
import pytest

import accelsim

pytest.importorskip("onnx")


def runs_whole(trace, skip=()):
    """Fewer cycles pruned than not; every recurrent layer as itself, its tick-by-tick sums those of numpy."""
    pruned = accelsim.prune(trace, "balanced:32:0.9", skip=skip)
    dense, sparse = (accelsim.simulate(one, "ese") for one in (trace, pruned))
    assert sparse.cycles < dense.cycles
    for layer in pruned.layers:
        if layer.op == "recurrent":
            twin = accelsim.simulate(layer, "ese", engine="reference")
            np.testing.assert_array_equal(twin.layers[0].output, layer.output())
            assert twin.cycles == next(x.cycles for x in sparse.layers if x.name == layer.name)
    return dense


def test_silero_vad_on_ese(site_packages):
    folder = site_packages("silero_vad", "data")
    rng = np.random.default_rng(0)
    audio, state = (rng.standard_normal((1, 576)) / 10).astype(np.float32), np.zeros((2, 1, 128), np.float32)
    feeds = {"input": audio, "state": state, "sr": np.int64(16000)}
    trace = accelsim.record(folder / "silero_vad_16k_op15.onnx", feeds)
    result = runs_whole(trace, skip=[trace.layers[-1].name])
    cell = next(x for x in result.layers if x.op == "recurrent")
    assert cell.cycles > 9 * (128 + 48)
    assert cell.counts["element_steps"] == 8 * 128


def test_a_gru_on_ese():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    trace = accelsim.record(torch.nn.GRU(40, 64, bidirectional=True), torch.randn(5, 3, 40))
    assert [layer.op for layer in trace.layers] == ["recurrent"]
    assert runs_whole(trace).layers[0].counts["element_steps"] == 2 * 5 * 3 * 6 * 64
