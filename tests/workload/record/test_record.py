"""What `record` promises beyond single operators: samples, images, quantization, pruning, provenance, command."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import accelsim
from accelsim.cli import app
from accelsim.workload.importers.samples import ImageRule

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
node = onnx.helper.make_node


@pytest.fixture
def cnn(save):
    """Two convolutions and a linear layer on [1, 3, 16, 16]."""
    rng = np.random.default_rng(0)

    def weight(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    return save([node("Conv", ["x", "a.weight", "a.bias"], ["1"], pads=[1, 1, 1, 1]), node("Relu", ["1"], ["2"]),
                 node("Conv", ["2", "b.weight"], ["3"], strides=[2, 2]), node("Relu", ["3"], ["4"]),
                 node("GlobalAveragePool", ["4"], ["5"]), node("Flatten", ["5"], ["6"]),
                 node("Gemm", ["6", "c.weight"], ["y"], transB=1)], {"x": (1, 3, 16, 16)},
                {"a.weight": weight(8, 3, 3, 3), "a.bias": weight(8), "b.weight": weight(12, 8, 3, 3),
                 "c.weight": weight(5, 12)}, ["y"])


def images(count):
    return np.random.default_rng(1).random((count, 3, 16, 16), dtype=np.float32)


def picture(path, size=(20, 10)):
    pillow = pytest.importorskip("PIL.Image")
    pixels = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(size[1], size[0], 3)
    pillow.fromarray(pixels).save(path)
    return path


class TestSamples:
    def test_a_batch_for_a_model_of_one_is_recorded_one_by_one(self, cnn):
        trace = accelsim.record(cnn, images(3))
        assert [layer.activation.shape[0] for layer in trace.layers[:2]] == [3, 3]
        assert trace["c"].activation.shape == (1, 3, 12) and trace.made_by["samples"] == 3
        assert trace.digest == accelsim.record(cnn, [images(3)[i] for i in range(3)]).digest

    def test_a_limit(self, cnn, tmp_path):
        np.save(tmp_path / "a.npy", images(4))
        np.savez(tmp_path / "b.npz", x=images(1))
        both = [tmp_path / "a.npy", tmp_path / "b.npz"]
        assert accelsim.record(cnn, both).made_by["samples"] == 5
        assert accelsim.record(cnn, both, samples=2).digest == accelsim.record(cnn, images(4)[:2]).digest

    def test_one_chunk_or_many(self, cnn, monkeypatch):
        whole = accelsim.record(cnn, images(2))
        monkeypatch.setattr("accelsim.workload.rounding.CHUNK_BYTES", 1)
        assert accelsim.record(cnn, images(2)).digest == whole.digest

    @pytest.mark.parametrize(("inputs", "words"), [
        ([], "no inputs"), (np.zeros((1, 3, 16, 15), np.float32), r"\[1, 3, 16, 15\].*wants \[1, 3, 16, 16\]"),
        (np.full((1, 3, 16, 16), np.nan), "NaN"), ("nowhere.npy", "no such file"), ({"z": 1, "x": 2}, "wants"),
        (np.array("text"), "dtype")])
    def test_inputs_that_do_not_fit(self, cnn, inputs, words):
        with pytest.raises(accelsim.RecordError, match=words):
            accelsim.record(cnn, inputs)

    @pytest.mark.parametrize("samples", [0, -1, True, "2"])
    def test_a_limit_that_is_none(self, cnn, samples):
        with pytest.raises(accelsim.RecordError, match="samples"):
            accelsim.record(cnn, images(1), samples=samples)


class TestImages:
    def test_resized_to_the_model(self, cnn, tmp_path):
        trace = accelsim.record(cnn, picture(tmp_path / "a.png"))
        pixels = trace["a"].activation
        assert pixels.shape == (1, 3, 16, 16) and pixels.min() >= 0
        assert trace.made_by["inputs"][0]["file"] == "a.png" and len(trace.made_by["inputs"][0]["sha256"]) == 64

    def test_mean_std_and_order_of_channels(self, cnn, tmp_path):
        file = picture(tmp_path / "a.png", (16, 16))
        pixels = np.arange(768, dtype=np.uint8).reshape(16, 16, 3)
        rule = ImageRule(mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0), bgr=True)
        values = (pixels[:, :, ::-1] / 255 - rule.mean) / rule.std
        by_hand = accelsim.record(cnn, values.transpose(2, 0, 1).astype(np.float32))
        assert accelsim.record(cnn, file, image=rule).digest == by_hand.digest

    def test_channels_last(self, save, tmp_path):
        path = save([node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), node("Conv", ["t", "w"], ["y"])],
                    {"x": ("n", 8, 8, 3)}, {"w": np.ones((1, 3, 3, 3), np.float32)}, ["y"])
        assert accelsim.record(path, picture(tmp_path / "a.png")).layers[0].activation.shape == (1, 3, 8, 8)

    def test_open_sizes(self, save, tmp_path):
        path = save([node("Conv", ["x", "w"], ["y"])], {"x": (1, 3, "h", "w")},
                    {"w": np.ones((1, 3, 3, 3), np.float32)}, ["y"])
        file = picture(tmp_path / "a.png")
        assert accelsim.record(path, file).layers[0].activation.shape[2:] == (10, 20)
        assert accelsim.record(path, file, image=ImageRule((8, 9))).layers[0].activation.shape[2:] == (8, 9)


class TestQuantization:
    def test_scales_lead_back_to_the_floats(self, cnn):
        image = images(1)
        trace = accelsim.record(cnn, image, bits=16)
        note = trace.made_by["layers"]["a"]
        assert trace["a"].activation.dtype == np.int16
        scale = note["activation_scale"]
        np.testing.assert_allclose(trace["a"].activation * scale, image, atol=scale)
        assert note["weights_rounded_to_zero"] < 0.01

    def test_a_large_bias_widens_the_scale(self, save):
        path = save([node("Conv", ["x", "w", "b"], ["y"])], {"x": (1, 1, 4, 4)},
                    {"w": np.full((1, 1, 1, 1), 0.001, np.float32), "b": np.array([1000.0], np.float32)}, ["y"])
        trace = accelsim.record(path, np.ones((1, 1, 4, 4), np.float32), bits=16)
        note = trace.made_by["layers"]["y"]
        value = trace.layers[0].output() * note["weight_scale"] * note["activation_scale"]
        np.testing.assert_allclose(value, 1000.001, rtol=1e-6)

    def test_a_dead_layer(self, save):
        path = save([node("Conv", ["x", "w"], ["y"])], {"x": (1, 1, 4, 4)}, {"w": np.zeros((1, 1, 2, 2), np.float32)},
                    ["y"])
        trace = accelsim.record(path, np.zeros((1, 1, 4, 4), np.float32))
        assert trace.layers[0].macs_effectual == 0

    @pytest.mark.parametrize("bits", [1, 17, 8.0, True])
    def test_bits(self, cnn, bits):
        with pytest.raises(accelsim.RecordError, match="bits"):
            accelsim.record(cnn, images(1), bits=bits)

    def test_a_layer_with_nan(self, save):
        path = save([node("Log", ["x"], ["l"]), node("Conv", ["l", "w"], ["y"], name="bad")], {"x": (1, 1, 4, 4)},
                    {"w": np.ones((1, 1, 2, 2), np.float32)}, ["y"])
        with pytest.raises(accelsim.RecordError, match="Conv 'bad': activation 'l': values hold NaN"):
            accelsim.record(path, -np.ones((1, 1, 4, 4), np.float32))


class TestPruning:
    def test_activations_are_those_of_the_pruned_model(self, cnn, save):
        pruned = accelsim.record(cnn, images(1), prune="magnitude:0.75", bits=16)
        for layer in pruned:
            assert np.count_nonzero(layer.weight) == round(layer.weight.size / 4)
        (note,) = pruned.made_by["pruning"]
        assert "one-shot" in note["method"] and 0 < note["drift"]["relative_l2"] < 2 and note["sparsity"] == 0.75
        model = onnx.load(cnn)
        for tensor in model.graph.initializer:
            name = tensor.name.removesuffix(".weight")
            if name != tensor.name:
                array = onnx.numpy_helper.to_array(tensor)
                array = array * (pruned[name].weight != 0).reshape(array.shape)
                tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        onnx.save(model, cnn)
        assert accelsim.record(cnn, images(1), bits=16).digest == pruned.digest

    def test_layers_that_stay_dense(self, cnn):
        trace = accelsim.record(cnn, images(1), prune="magnitude:0.75", keep=["a", "c*"])
        assert trace.made_by["pruning"][0]["left_as_they_are"] == ["a", "c"]
        assert np.count_nonzero(trace["a"].weight) > 0.9 * trace["a"].weight.size
        with pytest.raises(accelsim.PruneError, match="names no layer"):
            accelsim.record(cnn, images(1), prune="magnitude:0.75", keep=["z"])

    def test_an_already_pruned_model_is_taken_as_it_is(self, cnn):
        model = onnx.load(cnn)
        array = np.array(onnx.numpy_helper.to_array(model.graph.initializer[2]))
        array[np.abs(array) < 1] = 0
        model.graph.initializer[2].CopyFrom(onnx.numpy_helper.from_array(array, "b.weight"))
        onnx.save(model, cnn)
        trace = accelsim.record(cnn, images(1), bits=16)
        np.testing.assert_array_equal(trace["b"].weight != 0, array != 0)
        assert "pruning" not in trace.made_by


def test_the_same_model_gives_the_same_bytes(cnn, tmp_path):
    for name in ("one", "two"):
        accelsim.record(cnn, images(2), prune="nm:2:4").save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_provenance_names_no_place_on_this_machine(cnn, tmp_path):
    np.save(tmp_path / "a.npy", images(1))
    made_by = json.dumps(accelsim.record(cnn, tmp_path / "a.npy").made_by)
    assert str(tmp_path) not in made_by and "model.onnx" in made_by and "onnxruntime" in made_by


def test_nothing_is_left_in_the_temporary_folder(cnn, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    accelsim.record(cnn, images(1))
    with pytest.raises(accelsim.RecordError):
        accelsim.record(cnn, np.zeros((1, 3, 2, 2), np.float32))
    assert not list((tmp_path / "temporary").iterdir())


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(app, ["record", *map(str, arguments)])

    def test_record_and_run(self, cnn, tmp_path):
        np.save(tmp_path / "a.npy", images(1))
        done = self.run(cnn, "--input", tmp_path / "a.npy", tmp_path / "a.npy", "--prune", "magnitude:0.9", "--samples",
                        2, "-o", tmp_path / "t.safetensors")
        assert done.exit_code == 0, done.output
        assert "one-shot" in done.output and "relative l2" in done.output
        trace = accelsim.load_trace(tmp_path / "t.safetensors")
        assert trace.made_by["samples"] == 2 and trace.digest in done.output
        assert accelsim.simulate(trace, arch="eie").cycles > 0

    @pytest.mark.parametrize("extra", [["--prune", "magnitud:0.9"], ["--bits", "40"], ["--size", "8"], ["--mean", "a"],
                                       ["--skip", "Foo"], ["--samples", "0"], ["--network", "nowhere.yaml"]])
    def test_a_mistake_writes_nothing(self, cnn, tmp_path, extra):
        np.save(tmp_path / "a.npy", images(1))
        done = self.run(cnn, "--input", tmp_path / "a.npy", "-o", tmp_path / "t.safetensors", *extra)
        assert done.exit_code == 2 and not (tmp_path / "t.safetensors").exists()
        assert done.output.startswith("accelsim: error:") and "Traceback" not in done.output

    @pytest.mark.parametrize("model", ["nowhere.onnx", "json:loads", "nowhere:model", "weights.npz", "nothing.pt"])
    def test_models_that_are_none(self, tmp_path, model):
        done = self.run(model, "--input", "a.npy", "-o", tmp_path / "t.safetensors")
        assert done.exit_code == 2 and done.output.startswith("accelsim: error:"), done.output

    def test_the_output_is_checked_before_the_work(self, cnn, tmp_path):
        done = self.run(cnn, "--input", "a.npy", "-o", tmp_path / "nowhere" / "t.safetensors")
        assert done.exit_code == 2 and "cannot be written" in done.output
