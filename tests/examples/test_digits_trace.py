"""The shipped digits_cnn trace is what its README says: pruned, shared, int8, and its layers follow from each other."""

from itertools import pairwise

import numpy as np
import pytest

import accelsim
from accelsim import shipped

README = shipped.find("trace", "digits_cnn").with_name("README.md")


@pytest.fixture(scope="module")
def trace():
    return accelsim.load_trace("digits_cnn")


def next_input(output, multiplier, shift, pool):
    """RULE of examples/digits_cnn.py in whole numbers: requantize, ReLU, max pooling. `output` is int64."""
    value = (output * multiplier + (1 << (shift - 1))) // (1 << shift)
    value = np.minimum(np.maximum(value, 0), 127)
    corners = [value[..., r::pool, s::pool] for r in range(pool) for s in range(pool)] if pool > 1 else [value]
    return np.maximum.reduce(corners)


def test_it_is_small():
    assert shipped.find("trace", "digits_cnn").stat().st_size < 1_000_000


def test_layers_and_types(trace):
    assert [layer.op for layer in trace] == ["conv2d", "conv2d", "conv2d", "matmul", "matmul"]
    for layer in trace:
        assert layer.weight.dtype == np.int8 and layer.activation.dtype == np.int8
        assert layer.bias is not None and layer.bias.dtype == np.int32 and layer.bias.any()
    assert trace.edges == tuple((a.name, b.name) for a, b in pairwise(trace.layers))


def test_nine_tenths_of_all_weights_are_pruned(trace):
    nonzeros = sum(np.count_nonzero(layer.weight) for layer in trace)
    assert nonzeros <= 0.1 * sum(layer.weight.size for layer in trace)
    assert trace.made_by["sparsity"] == pytest.approx(1 - nonzeros / sum(layer.weight.size for layer in trace))


def test_a_sixteen_entry_codebook_holds_every_weight(trace):
    for layer in trace:
        assert 2 <= len(np.unique(layer.weight[layer.weight != 0])) <= 15, layer.name


def test_activations_are_rectified_and_sparse(trace):
    pixels, *inner = (layer.activation for layer in trace)
    assert pixels.min() == 0 and pixels.max() == 16
    for activation in inner:
        assert activation.min() == 0
        assert 0.1 < np.count_nonzero(activation) / activation.size < 0.7


def test_weights_use_the_whole_range(trace):
    for layer in trace:
        assert np.abs(layer.weight).max() == 127  # the symmetric scale uses the whole range


@pytest.mark.parametrize("index", range(4))
def test_each_output_becomes_the_next_recorded_input(trace, index):
    layer, following = trace.layers[index], trace.layers[index + 1]
    output = layer.output()
    assert np.abs(output).max() <= np.iinfo(np.int32).max  # the machine's accumulators hold it
    value = next_input(output, **trace.made_by["layers"][layer.name]["next_input"])
    np.testing.assert_array_equal(value.reshape(following.activation.shape), following.activation)


def test_requantization_factors_come_from_the_scales(trace):
    notes = [trace.made_by["layers"][layer.name] for layer in trace]
    for note, following in pairwise(notes):
        factor = note["next_input"]["multiplier"] / 2 ** note["next_input"]["shift"]
        assert factor == pytest.approx(note["weight_scale"] * note["input_scale"] / following["input_scale"], rel=1e-8)


def test_the_last_output_names_the_classes(trace):
    predicted = trace.layers[-1].output()[0].argmax(axis=1).tolist()
    assert predicted == trace.made_by["predicted"]
    assert len(predicted) == len(trace.made_by["images"]) == len(trace.made_by["classes"])


def test_accuracy_was_kept(trace):
    reached = trace.made_by["test_accuracy"]
    assert reached["dense"] >= 0.97
    assert min(reached["pruned"], reached["shared_int8"]) >= reached["dense"] - 0.02


def test_readme_states_the_numbers_of_the_file(trace):
    text = README.read_text(encoding="utf-8")
    assert trace.digest in text
    for share in (*trace.made_by["test_accuracy"].values(), trace.made_by["sparsity"]):
        assert f"{share:.2%}" in text
    for layer in trace:
        note, nonzeros = trace.made_by["layers"][layer.name], np.count_nonzero(layer.weight)
        cells = [layer.name, f"{layer.weight.size:,}", f"{nonzeros:,}", f"{1 - nonzeros / layer.weight.size:.2%}",
                 str(len(np.unique(layer.weight[layer.weight != 0]))),
                 f"{np.count_nonzero(layer.activation) / layer.activation.size:.3f}", f"{note['density_test_set']:.3f}"]
        assert any(row.split() == cells for row in text.splitlines()), f"README.md lacks the row {cells}"


@pytest.mark.parametrize("arch", ["sigma", "tpu_128x128", "a100_dense", "dstc_v100"])
def test_it_runs_whole_as_matrix_products(trace, arch):
    assert accelsim.simulate(trace, arch).counts["macs"] == sum(layer.macs_effectual for layer in trace)
