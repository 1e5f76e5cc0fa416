"""Trace files store each tensor in its smallest format, and a damaged one is refused."""

import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

import accelsim
from accelsim import shipped
from accelsim.workload import formats


def best_bits(trace):
    """Bits of every tensor in its best format, codes of equal values left out; biases as they are."""
    total = 0
    for layer in trace:
        for role in ("weight", "activation"):
            tensor = getattr(layer, role)
            matrix = tensor.reshape(formats.matrix_shape(layer.op, role, tensor.shape))
            total += min(bits for name, bits in formats.sizes(matrix).items()
                         if bits is not None and not name.endswith("_runs"))
        total += 0 if layer.bias is None else 8 * layer.bias.nbytes
    return total


def header_bytes(path):
    with safe_open(path, "numpy") as file:
        return len(file.metadata()["accelsim"])


@pytest.mark.parametrize("density", [0.0, 0.02, 0.1, 0.4, 0.9, 1.0])
@pytest.mark.parametrize("values", [True, False])
def test_a_file_takes_little_more_than_its_best_formats(tmp_path, density, values):
    rng = np.random.default_rng(0)

    def draw(*shape):
        mask = rng.random(shape) < density
        return (mask * rng.integers(1, 128, shape)).astype(np.int8) if values else mask

    trace = accelsim.Trace([accelsim.conv2d("conv", draw(64, 64, 3, 3), draw(1, 64, 56, 56), padding=1),
                            accelsim.linear("fc", draw(500, 3136), draw(4, 3136))])
    path = trace.save(tmp_path / "t.safetensors")
    assert accelsim.load_trace(path).digest == trace.digest
    if density:
        assert 8 * (os.path.getsize(path) - header_bytes(path)) <= 1.1 * best_bits(trace) + 8 * 500
    else:  # formats of next to no bits exist, but a loaded tensor is at most 256 times its bytes in the file
        assert os.path.getsize(path) < sum(x.weight.nbytes + x.activation.nbytes for x in trace) / 7


def test_the_shipped_trace_is_stored_that_way():
    path = shipped.find("trace", "digits_cnn")
    trace = accelsim.load_trace(path)
    assert 8 * os.path.getsize(path) <= 1.1 * best_bits(trace)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip(tmp_path, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 16)))
    density = data.draw(st.sampled_from([0.0, 0.03, 0.3, 1.0]))
    dtype = data.draw(st.sampled_from([bool, np.int8, np.int16]))

    def draw(*shape):
        return ((rng.random(shape) < density) * rng.integers(-100, 100, shape)).astype(dtype)

    k, c, side = (data.draw(st.integers(1, 9)) for _ in range(3))
    bias = rng.integers(-9, 9, k) if dtype is not bool and data.draw(st.booleans()) else None
    trace = accelsim.Trace([accelsim.conv2d("a", draw(k, c, 1, 1), draw(2, c, side, side), bias=bias),
                            accelsim.matmul("b", draw(2, k, c), draw(2, side, c))], edges=[])
    loaded = accelsim.load_trace(trace.save(tmp_path / "t.safetensors"))
    assert loaded.digest == trace.digest
    assert [x.weight.dtype for x in loaded] == [x.weight.dtype for x in trace]


def damaged(tmp_path, change):
    """A saved sparse layer whose header `change` edits; the tensors' bytes stay."""
    rng = np.random.default_rng(0)
    weight = (rng.random((40, 50)) < 0.1).astype(np.int8)
    path = accelsim.Trace([accelsim.linear("fc", weight, weight[0])]).save(tmp_path / "t.safetensors")
    with safe_open(path, "numpy") as file:
        header = json.loads(file.metadata()["accelsim"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    assert header["layers"][0]["weight"]["encoding"] == "run_length"
    change(header["layers"][0]["weight"])
    save_file(tensors, path, metadata={"accelsim": json.dumps(header)})
    return path


def test_every_flipped_byte_of_a_compressed_tensor_is_refused(tmp_path):
    path = damaged(tmp_path, lambda spec: None)
    sound = path.read_bytes()
    first = 8 + int.from_bytes(sound[:8], "little")
    for place in range(first, len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x80]) + sound[place + 1:])
        with pytest.raises(accelsim.TraceError):
            accelsim.load_trace(path)


@pytest.mark.parametrize("change", [
    {"encoding": "bitmap"}, {"encoding": "csr"}, {"encoding": "n_of_4"}, {"encoding": "block_4x4"},
    {"encoding": "gzip"},
    {"encoding": "eie_csc"}, {"encoding": "values"}, {"encoding": "bits"}, {"dtype": "int16"}, {"dtype": "bool"},
    {"dtype": "float32"}, {"dtype": None}, {"bits": None}, {"bits": -1}, {"bits": 3}, {"bits": 1 << 50},
    {"shape": [1, 40, 51]}, {"shape": [1, 50, 40]}, {"shape": [1, 1 << 20, 1 << 20]}, {"shape": [1, 40, 1 << 30]},
    {"shape": [1, 1 << 50, 1]}, {"shape": [1, 0, 50]}, {"shape": [1, -40, 50]},
], ids=str)
def test_damage_is_one_clear_error(tmp_path, change):
    path = damaged(tmp_path, lambda spec: spec.update(change))
    with pytest.raises(accelsim.TraceError, match=r"t\.safetensors"):
        accelsim.load_trace(path)
