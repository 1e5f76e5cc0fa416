"""Files of the field as workloads: SCALE-Sim topologies, STONNE's lists, matrices; and doors that they do not open."""

import numpy as np
import pytest

import accelsim

CONV = """Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
Conv1, 230, 230, 7, 7, 3, 64, 2,
CB2a/1, 56, 56, 1, 1, 64, 64, 1,

CB2a/1, 58, 58, 3, 3, 64, 64, 1,
"""
GEMM = "Layer, M, N, K, Sparsity,\nG0, 128, 64, 32, 2:4,\nG1, 8, 16, 24, ,\n"
STONNE = """# AlexNet's first, and a sparse product
./stonne -CONV -L=conv1 -R=3 -S=2 -C=6 -G=2 -K=5 -N=1 -X=20 -Y=21 -strides=2
-SparseGEMM -M=20 -N=4 -K=256 -MK_sparsity=80 -KN_sparsity=10
-FC -M=10 -N=1 -K=20
"""


def write(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_a_convolution_topology(tmp_path):
    path = write(tmp_path, "net.csv", CONV)
    trace = accelsim.draw_trace(path, 1, weight_density=0.25, activation_density=0.5)
    assert [x.name for x in trace] == ["Conv1", "CB2a_1", "CB2a_1.2"] and trace.edges == ()
    first = trace["Conv1"]
    assert first.weight.shape == (64, 3, 7, 7) and first.activation.shape == (1, 3, 230, 230)
    assert (first.stride, first.padding, first.out_plane) == ((2, 2), (0, 0), (112, 112))
    assert np.count_nonzero(first.weight) == round(0.25 * first.weight.size)
    assert np.count_nonzero(first.activation) == round(0.5 * first.activation.size)


def test_a_gemm_topology(tmp_path):
    path = write(tmp_path, "gemm.csv", GEMM)
    trace = accelsim.draw_trace(path, 1, weight_density=0.25, activation_density=1)
    assert trace["G0"].weight.shape == (1, 64, 32) and trace["G0"].activation.shape == (1, 128, 32)
    assert (trace["G0"].weight.reshape(-1, 4).sum(1) == 2).all()
    assert trace["G1"].macs_dense == 8 * 16 * 24 and trace["G1"].activation.all()


def test_a_list_of_stonne(tmp_path):
    workload = accelsim.load_workload(write(tmp_path, "net.txt", STONNE), 0.5, 0.6)
    conv, gemm, fc = workload.layers
    assert conv.shape.weight_shape(1) == (10, 6, 3, 2) and conv.shape.activation_shape(1) == (1, 12, 20, 21)
    assert conv.shape.stride == [2, 2] and conv.shape.groups == 2 and conv.weight_density == 0.5
    assert (gemm.weight_density, gemm.activation_density) == (pytest.approx(0.2), pytest.approx(0.9))
    assert (fc.shape.outputs, fc.shape.inputs, fc.weight_density) == (10, 20, 0.5)


@pytest.mark.parametrize("ending", ["mtx", "smtx"])
def test_a_matrix_keeps_its_pattern(tmp_path, ending):
    text = "3, 4, 3\n0 1 2 3\n0 3 1\n"
    if ending == "mtx":
        pytest.importorskip("scipy", reason="Matrix Market files need scipy")
        text = "%%MatrixMarket matrix coordinate real general\n3 4 3\n1 1 2.5\n2 4 -1\n3 2 7\n"
    path = write(tmp_path, f"a.{ending}", text)
    trace = accelsim.draw_trace(path, 1, batch=5, activation_density=0.5)
    assert np.argwhere(trace["a"].weight[0]).tolist() == [[0, 0], [1, 3], [2, 1]]
    assert trace["a"].activation.shape == (1, 5, 4) and accelsim.simulate(trace, "eie").cycles > 0
    values = accelsim.draw_trace(path, 1, batch=5, values=True, activation_density=0.5)["a"].weight[0]
    assert values[values != 0].tolist() == [45, -18, 127] or ending == "smtx"


@pytest.mark.parametrize(("name", "text", "words"), [
    ("a.csv", "", "line 1"), ("a.csv", "a,b\n1,2\n", "line 1.*IFMAP|line 1.*ifmap"),
    ("a.csv", CONV.replace("230, 7", "x, 7"), "line 2: ifmap width is 'x'"),
    ("a.csv", CONV.replace("56, 56, 1, 1", "56, 56, 99, 1"), "line 3.*kernel"), ("a.csv", "Layer,M,N,K\n", "0 layers"),
    ("a.csv", GEMM.replace("2:4", "4:2"), "line 2: sparsity"), ("a.csv", GEMM.replace("128", "0"), "line 2: vectors"),
    ("a.txt", "hello\n", "line 1: no layer"), ("a.txt", "-FC -M=1 -N=1\n", "line 1: K is ''"),
    ("a.txt", "-SparseGEMM -M=1 -N=1 -K=1 -MK_sparsity=101\n", "per cent"), ("a.smtx", "x\n", "not a readable .smtx")])
def test_lists_that_do_not_fit(tmp_path, name, text, words):
    with pytest.raises(accelsim.ConfigError, match=rf"{name}: .*(?:{words})"):
        accelsim.load_workload(write(tmp_path, name, text), 0.5, 0.5)


def test_densities_are_asked_for(tmp_path):
    path = write(tmp_path, "net.csv", CONV)
    with pytest.raises(accelsim.ConfigError, match=r"net\.csv: says nothing of zeros; give --weight-density"):
        accelsim.draw_trace(path, 1)
    assert accelsim.load_workload(path, shapes_only=True).layers[0].weight_density == 1
    with pytest.raises(accelsim.ConfigError, match="wanted a number from 0 to 1"):
        accelsim.load_workload(path, 2, 0.5)
    matrix = write(tmp_path, "a.smtx", "1, 2, 1\n0 1\n1\n")
    with pytest.raises(accelsim.ConfigError, match="every layer has its own weight density"):
        accelsim.load_workload(matrix, 0.5, 0.5)
    with pytest.raises(accelsim.ConfigError, match="densities of its own"):
        accelsim.load_workload("vgg16:scnn", 0.5, 0.5)


@pytest.mark.parametrize(("name", "command"), [
    ("net.onnx", "accelsim record net.onnx"), ("net.tflite", "accelsim record net.tflite"),
    ("net.pt2", "accelsim record net.pt2"), ("resnet50:erk90", "accelsim trace resnet50:erk90"),
    ("net.csv", "accelsim trace net.csv"), ("a.mtx", "accelsim trace a.mtx"),
    ("w.npz", "accelsim record w.npz --network"), ("m.safetensors.index.json", "accelsim record m.safetensors")])
def test_the_wrong_door_says_the_right_one(name, command):
    with pytest.raises(accelsim.TraceError, match=command):
        accelsim.load_trace(name)


def test_floats_that_hold_integers():
    whole, ints = np.array([[1.0, 0, -3], [0, 0, 200]]), np.array([[1, 0, -3], [0, 0, 200]])
    assert accelsim.linear("l", whole, whole).digest == accelsim.linear("l", ints, ints).digest
    for bad in (whole + 0.5, whole * np.nan, whole * 1e9):
        with pytest.raises(accelsim.TraceError):
            accelsim.linear("l", bad, whole)
