"""Recording a ResNet-50 (4.1 GMAC, 25 M weights) on one image stays within its time and memory, and what is recorded
runs whole on the matrix machines, whose convolutions go through im2col.
"""

import resource
import subprocess
import sys
import time

import numpy as np
import pytest

import accelsim

onnx = pytest.importorskip("onnx", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording ONNX models needs the extra: pip install accelsim[onnx]")
node = onnx.helper.make_node

SCRIPT = """
import resource, sys
import accelsim
trace = accelsim.record(sys.argv[1], sys.argv[2])
trace.save(sys.argv[3])
print(sum(layer.macs_dense for layer in trace), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def resnet50():
    """(nodes, weights) of ResNet-50's 53 convolutions and its classifier, stride in the 3x3 convolutions."""
    rng, nodes, weights = np.random.default_rng(50), [], {}

    def conv(value, inputs, out, kernel, stride=1):
        name = f"conv{len(weights)}"
        weights[f"{name}.weight"] = (rng.standard_normal((out, inputs, kernel, kernel), np.float32)
                                     / np.float32(np.sqrt(inputs * kernel * kernel)))
        nodes.extend([node("Conv", [value, f"{name}.weight"], [name], pads=[kernel // 2] * 4, strides=[stride] * 2),
                      node("Relu", [name], [f"{name}.relu"])])
        return f"{name}.relu"

    value, channels = conv("x", 3, 64, 7, 2), 64
    nodes.append(node("MaxPool", [value], ["pool"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    value = "pool"
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            inner, stride = 64 << stage, 2 if stage and block == 0 else 1
            short = conv(value, channels, 4 * inner, 1, stride) if block == 0 else value
            main = conv(conv(conv(value, channels, inner, 1), inner, inner, 3, stride), inner, 4 * inner, 1)
            nodes.append(node("Add", [main, short], [f"block{stage}.{block}"]))
            value, channels = f"block{stage}.{block}", 4 * inner
    weights["fc.weight"] = rng.standard_normal((1000, 2048), np.float32)
    nodes.extend([node("GlobalAveragePool", [value], ["mean"]), node("Flatten", ["mean"], ["flat"]),
                  node("Gemm", ["flat", "fc.weight"], ["y"], transB=1)])
    return nodes, weights


@pytest.mark.slow
def test_resnet50(save, tmp_path):
    nodes, weights = resnet50()
    path = save(nodes, {"x": (1, 3, 224, 224)}, weights, ["y"])
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32))
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", SCRIPT, path, tmp_path / "x.npy", tmp_path / "t.safetensors"],
                          capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begin
    macs, kibibytes = map(int, done.stdout.split())
    assert macs == 4_089_184_256
    assert seconds < 20, f"{seconds:.1f} s"
    assert kibibytes < 2 << 20, f"{kibibytes >> 10} MiB"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >= kibibytes
    print(f"recorded in {seconds:.1f} s, {kibibytes >> 10} MiB")
    pruned = accelsim.prune(accelsim.load_trace(tmp_path / "t.safetensors"), "erk:0.8")
    effectual = sum(layer.macs_effectual for layer in pruned)
    dense, sparse = (accelsim.simulate(pruned, arch) for arch in ("tpu_128x128", "sigma"))
    assert dense.counts["macs"] == sparse.counts["macs"] == effectual
    assert dense.counts["dense_macs"] == macs and dense.cycles > 2 * sparse.cycles
