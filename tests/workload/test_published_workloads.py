"""The shipped tables: complete shapes, the totals that are known of these networks, and errors with a way out."""

import numpy as np
import pytest

from accelsim import shipped
from accelsim.errors import ConfigError
from accelsim.workload.published import load_workload, variants
from accelsim.workload.tables import WorkloadFile
from accelsim.yaml import read_yaml, validate

NAMES = shipped.names("workload")
EVERY = [f"{name}:{variant}" for name in NAMES for variant in variants(name)]


def test_the_shelf():
    assert {"alexnet", "vgg16", "googlenet", "resnet50", "mobilenet_v1", "eie_layers", "sigma_gemms", "bert_large",
            "transformer_base", "lstm_ese", "deepbench_sparse", "deepbench_gemm_server"} <= set(NAMES)
    assert {"uniform80", "uniform90", "uniform95", "erk80", "erk90", "erk95", "str90", "agp80"} <= set(
        variants("resnet50"))


@pytest.mark.parametrize("name", EVERY)
def test_every_number_has_a_source(name):
    workload = load_workload(name)
    assert workload.layers
    for layer in workload.layers:
        for source in (layer.weight_source, layer.activation_source):
            assert workload.sources[source].cite
    layer_names = {layer.shape.name for layer in workload.layers}
    assert len(layer_names) == len(workload.layers)
    assert layer_names.issuperset(name for edge in workload.edges for name in edge)


@pytest.mark.parametrize(("name", "macs"), [
    ("alexnet", 724_406_816),              # 665.8 M in grouped convolutions, 58.6 M fully connected
    ("alexnet_torchvision", 714_188_480),
    ("vgg16", 15_470_264_320),
    ("googlenet:scnn", 1_103_972_352),     # 1.1 G in the SCNN paper's table
    ("resnet50", 4_089_184_256),           # v1.5: stride 2 in the 3x3 convolutions; v1 has 3.86 G
    ("mobilenet_v1", 568_740_352),
    ("mobilenet_v1_05_128", 49_160_192),   # 49.2 M in the Eyeriss v2 paper
    ("lstm_ese", 3_248_128),
    ("mobilenet_v3", 216_589_760),         # 219 M in the paper's table
    ("bert_base", 12 * 384 * (12 * 768 ** 2 + 2 * 384 * 768)),
    ("llama2_7b", 512 * (4 * 4096 ** 2 + 3 * 4096 * 11008 + 2 * 512 * 4096 + 4096 * 32000)),
])
def test_dense_macs(name, macs):
    assert load_workload(name).macs_dense == macs


def test_alexnet_shares():
    macs = {x.shape.name: x.shape.macs for x in load_workload("alexnet").layers}
    assert sum(n for name, n in macs.items() if name.startswith("conv")) == 665_784_864
    assert sum(n for name, n in macs.items() if name.startswith("fc")) == 58_621_952


def test_googlenet_with_what_the_scnn_table_leaves_out():
    file = shipped.find("workload", "googlenet")
    data = validate(WorkloadFile, read_yaml(file), str(file))
    assert sum(layer.macs for layer in data.layers) == 1_582_671_872
    assert set(load_workload("googlenet").omitted) == {"conv1", "conv2_reduce", "conv2", "classifier"}


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "mobilenet_v1", "resnet50", "googlenet"])
def test_each_layer_takes_what_the_one_before_makes(name):
    """Along every edge the channels agree, and planes shrink by pooling alone."""
    layers = {x.shape.name: x.shape for x in load_workload(name).layers}
    after = {}
    for a, b in load_workload(name).edges:
        after.setdefault(b, []).append(layers[a])
    for child, parents in after.items():
        if layers[child].op == "linear":
            continue
        made = [shape.filters for shape in parents]
        assert layers[child].input[0] in (made[0], sum(made)), child
        weight = layers[child].weight_shape(1)
        assert weight[1] * layers[child].groups == layers[child].input[0]


@pytest.mark.parametrize(("name", "density", "within"), [
    ("alexnet:deep_compression", 0.11, 0.005), ("vgg16:deep_compression", 0.075, 0.005),
    ("resnet50:erk80", 0.20, 0.001), ("resnet50:erk90", 0.10, 0.001), ("resnet50:erk95", 0.05, 0.001),
    ("resnet50:str81", 0.1873, 0.005), ("resnet50:str90", 0.0977, 0.005), ("resnet50:str95", 0.0485, 0.005),
    ("resnet50:str98", 0.0195, 0.005), ("resnet50:uniform90", 0.10, 0.001), ("resnet50:global90", 0.10, 0.005),
    ("resnet50:vd90", 0.10, 0.005), ("resnet50:agp80", 0.20, 0.005), ("resnet50:agp85", 0.154, 0.005),
    ("mobilenet_v1:agp52", 0.484, 0.005), ("alexnet_torchvision:agp88", 0.117, 0.005),
    ("alexnet_torchvision:sensitivity88", 0.116, 0.005), ("lstm_ese:ese", 0.112, 0.0005),
])
def test_density_of_the_whole_network(name, density, within):
    """What the sources say of the whole follows from the layers."""
    layers = load_workload(name).layers
    sizes = np.array([float(np.prod(x.shape.weight_shape(1))) for x in layers])
    assert sizes @ [x.weight_density for x in layers] / sizes.sum() == pytest.approx(density, abs=within)


def test_the_lstm_of_ese_has_the_published_nonzeros():
    layers = load_workload("lstm_ese").layers
    assert sum(x.weight_density * np.prod(x.shape.weight_shape(1)) for x in layers) == pytest.approx(363_700, abs=1)


def test_attention_repeats_for_a_batch_and_weights_do_not():
    layers = {x.shape.name: x.shape for x in load_workload("bert_large").layers}
    assert layers["encoder.23.scores"].weight_shape(4) == (64, 384, 64)
    assert layers["encoder.23.q"].weight_shape(4) == (1, 1024, 1024)
    assert layers["encoder.23.q"].activation_shape(4) == (1, 4 * 384, 1024)


GOOD = """
about: x
graph: chain
activation_values: positive
layers:
- {name: a, op: conv2d, input: [3, 8, 8], filters: 4, kernel: [3, 3], stride: [1, 1], padding: [1, 1]}
- {name: b, op: linear, inputs: 256, outputs: 10}
sources:
  s: {cite: me, confidence: assumed}
variants:
  v:
    about: y
    weights: [{source: s, density: {"*": 0.5}}]
    activations: [{source: s, density: {a: 1.0, b: 0.5}}]
"""


def edited(tmp_path, old="", new=""):
    file = tmp_path / "w.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new))
    return str(file)


def test_a_file_of_ones_own(tmp_path):
    workload = load_workload(edited(tmp_path))
    assert workload.name == "w:v"
    assert workload.edges == (("a", "b"),)
    assert load_workload(edited(tmp_path) + ":v").layers == workload.layers


@pytest.mark.parametrize(("old", "new", "message"), [
    ("kernel: [3, 3]", "kernel: [30, 3]", "kernel does not fit"),
    ("kernel: [3, 3]", "kernell: [3, 3]", "kernell"),
    ("padding: [1, 1]", "padding: [3, 1]", "padding"),
    ("padding: [1, 1]", "padding: [1, 1], groups: 2", "divide by groups"),
    ("stride: [1, 1]", "stride: [0, 1]", "stride"),
    ("stride: [1, 1], ", "", "stride"),
    ("name: b", "name: a", "repeat"),
    ("op: linear", "op: lstm", "lstm"),
    ("inputs: 256", "inputs: 256, groups: 2", "one group"),
    ("outputs: 10", "outputs: 10, after: [c]", "no layer"),
    ("a: 1.0, b: 0.5", "a: 1.0", "'b' has 0 densities"),
    ("a: 1.0, b: 0.5", 'a: 1.0, b: 0.5, "b*": 0.1', "no layer is called 'b\\*'"),
    ("a: 1.0, b: 0.5", "a: 1.0, b: 1.5", "less than or equal to 1"),
    ("a: 1.0, b: 0.5", "a: 1.0, b: nan", "nan"),
    ('{source: s, density: {"*": 0.5}}', '{source: t, density: {"*": 0.5}}', "no source is called 't'"),
    ('density: {"*": 0.5}', 'density: {"*": 0.5}, n_of_m: [1, 4]', "must be 0.25"),
    ('"*": 0.5', '"*": 0.5, "?": 0.5', "pattern"),
    ("confidence: assumed", "confidence: sure", "confidence"),
    ("graph: chain", "graph: ring", "graph"),
])
def test_mistakes_are_named(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        load_workload(edited(tmp_path, old, new))


@pytest.mark.parametrize("name", ["resnet", "resnet50:erk", "resnet50:", ":erk90", "", "no/such.yaml", "a\0b"])
def test_unknown_names(name):
    with pytest.raises(ConfigError):
        load_workload(name)
