"""Eyeriss's kernel on cases worked by hand, and against public masks with known counts."""

import json
from itertools import pairwise, product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from arch.eyeriss.designs import SMALL, design

from accelsim import load_arch, shipped, testing
from accelsim.arch.machine import LayerRun
from accelsim.arch.registry import machine
from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast import kernel
from accelsim.arch.row_stationary.eyeriss.fast.routes import mesh, path, routes
from accelsim.errors import ConfigError
from accelsim.simulation import check_accounting
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear

MODEL = machine("eyeriss")
ONE_PE = {"cluster_rows": 1, "cluster_cols": 1, "pe_rows": 1, "pe_cols": 1}
RING = {"psum_flush": "ring", "hop_cycles": 0}
ONE_LANE = {"s0": 1, "column": 1, "row_lanes": 1, "filter_lanes": 1, "group_lanes": 1, "inner": "rows"}


def run(layer: Layer, config: EyerissConfig, **mapping: object) -> LayerRun:
    if mapping:
        config = load_arch(config, {"mappings": {layer.name: ONE_LANE | {"compressed": True} | mapping}})
    outcome = MODEL.run(layer, config, MODEL.policies["estimated"])
    check_accounting(MODEL, layer, outcome)
    return outcome


@pytest.mark.small
def test_the_bubble_rule_by_hand():
    """Columns of 2, 0, 0 and 1 words: the second empty one is not hidden by the words before it."""
    weight = np.array([[1, 0, 0, 1], [1, 0, 0, 0], [1, 0, 0, 1], [1, 0, 0, 0]])
    outcome = run(linear("l", weight, [1, 1, 1, 1]), design(**ONE_PE, **RING, address_cycles=1), m0=4, c0=4)
    load = -(-(3 * 24 + 4 * 7) // 24)  # three words and four addresses through a port of 24 bits
    window, latency, drain = 4, 6, 2  # 2 words, one bubble, 1 word; four sums leave two at a time
    assert outcome.cycles == load + window + latency + drain
    assert outcome.stalls == {"busy": 6, "ineffectual": 0, "simd_idle": 0, "bubble": 2, "column": 0,
                              "psum": 2 * (latency + drain), "barrier": 0, "iact": 0, "weight": 2 * load,
                              "config": 0, "fragmentation": 0}


@pytest.mark.small
@pytest.mark.parametrize(("address_cycles", "words", "bubbles"), [
    (1, [1, 1], 0), (1, [0, 1], 1), (1, [1, 0, 1], 1), (1, [2, 0, 1], 0), (1, [2, 0, 0, 0, 1], 2), (1, [0, 0], 2),
    (1, [3, 0, 0], 0), (1, [1, 0, 0], 2),
    (2, [1, 1], 1), (2, [0, 1], 2), (2, [2, 2], 0), (2, [2, 0, 1], 2), (2, [4, 0, 1], 0), (2, [0, 0], 3),
    (2, [3, 0, 0], 2), (3, [2, 2], 1), (3, [0, 4], 3)])
def test_bubbles(address_cycles, words, bubbles):
    weight = np.array([[w > i for w in words] for i in range(4)])
    config = design(**ONE_PE, macs_per_pe=1, address_cycles=address_cycles)
    outcome = run(linear("l", weight, np.ones(len(words), bool)), config, m0=4, c0=len(words))
    assert outcome.stalls["bubble"] == bubbles
    assert outcome.stalls["busy"] == sum(words)


@pytest.mark.small
def test_zeros_cost_nothing_when_skipped_and_all_when_gated():
    weight, inputs = np.ones((4, 8), bool), np.arange(8) % 2 == 0
    config = design(**ONE_PE, weight_words=192)
    sparse = run(linear("l", weight, inputs), config, m0=4, c0=8)
    full = run(linear("l", weight, np.ones(8, bool)), config, m0=4, c0=8)
    assert full.cycles - sparse.cycles == 4 * 2
    dense = [run(linear("l", weight, x), config, m0=4, c0=8, compressed=False) for x in (inputs, np.zeros(8, bool))]
    assert dense[0].cycles == dense[1].cycles
    assert dense[0].stalls["ineffectual"] == dense[0].counts["gated_macs"] == 4 * 4
    assert dense[1].counts["macs"] == dense[1].counts["weight_reads"] == 0


@pytest.mark.small
def test_placeholders_take_a_place_and_a_cycle():
    """Zeros 0 .. 15, a non-zero at 16: the count of 4 bits cannot say 16, so a placeholder goes before it."""
    weight = np.zeros((32, 1), bool)
    weight[16] = True
    config = design(**ONE_PE, macs_per_pe=1)
    outcome = run(linear("l", weight, [True]), config, m0=32, c0=1)
    assert outcome.counts["weight_reads"] == outcome.counts["weight_writes"] == 2
    assert (outcome.stalls["busy"], outcome.stalls["ineffectual"], outcome.counts["gated_macs"]) == (1, 1, 1)
    weight[16], weight[15] = False, True
    assert run(linear("l", weight, [True]), config, m0=32, c0=1).counts["weight_reads"] == 1


@pytest.mark.small
def test_a_column_waits_for_its_slowest_pe():
    """Two PEs of a column, 3 and 1 words in every window; room for the sums of one window."""
    weight = np.array([[1, 1], [1, 0], [1, 0]])
    config = design(cluster_rows=1, cluster_cols=1, pe_rows=2, pe_cols=1, macs_per_pe=1, psum_words=3,
                    pipeline_stages=1, weight_port_bits=1000, **RING)
    layer = conv2d("c", weight[:, :, None, None], np.ones((1, 2, 1, 5), int))
    outcome = run(layer, config, m0=3, c0=1, column=2)
    windows, drain = 5, 2
    assert outcome.cycles == 1 + windows * (3 + drain)
    assert outcome.stalls["column"] == windows * 2
    assert outcome.stalls["psum"] == windows * drain * 2
    # room for two does not help: the slower PE has all the work it can do, its own sums included
    assert run(layer, load_arch(config, {"psum_words": 6}), m0=3, c0=1, column=2).cycles == outcome.cycles


@pytest.mark.small
def test_pes_of_a_column_run_ahead_of_each_other():
    """Windows of 3, 0, 3, 0, 3 words in one PE and 0, 3, 0, 3, 0 in the other; each window's sums take 2 cycles."""
    config = design(cluster_rows=1, cluster_cols=1, pe_rows=2, pe_cols=1, macs_per_pe=1, psum_words=3,
                    pipeline_stages=1, weight_port_bits=1000, **RING)
    inputs = np.array([[1, 0, 1, 0, 1], [0, 1, 0, 1, 0]])
    layer = conv2d("c", np.ones((3, 2, 1, 1), int), inputs[None, :, None])
    together = run(layer, config, m0=3, c0=1, column=2)
    assert together.cycles == 1 + 5 * (3 + 2)
    assert together.stalls["column"] == 5 * 3
    apart = run(layer, load_arch(config, {"psum_words": 6}), m0=3, c0=1, column=2)
    assert apart.cycles == 1 + (3 + 2) + 2 + (3 + 2) + 2 + (3 + 2)
    assert apart.stalls["column"] == 3  # after the last window


@pytest.mark.small
def test_a_full_scratchpad_stops_its_column():
    """Five windows of 3 words in one PE and 1 in the other, 2 cycles each for their sums; room for two at a time."""
    weight = np.array([[1, 1], [1, 0], [1, 0]])
    config = design(cluster_rows=1, cluster_cols=1, pe_rows=2, pe_cols=1, macs_per_pe=1, psum_words=6,
                    pipeline_stages=4, hop_cycles=2, weight_port_bits=1000, config_cycles=9)
    layer = conv2d("c", weight[:, :, None, None], np.ones((1, 2, 1, 5), int))
    outcome = run(layer, config, m0=3, c0=1, column=2)
    stop = 4 + 2  # the pipeline, then one hop
    assert outcome.cycles == 9 + 1 + 5 * (3 + 2) + 3 * stop  # batches of 2, 2 and 1 windows
    assert outcome.stalls["column"] == 5 * 2  # the lighter PE waits at each stop
    assert outcome.stalls["psum"] == 2 * (5 * 2 + 3 * stop)
    assert outcome.stalls["config"] == 2 * 9


LOOKED_UP_SOONER = (2, 3, 6, 9, 11)  # seeds
WINDOWS = Path("../shared/golden/third_party/openeye_pe_windows.json")


@pytest.mark.small
@pytest.mark.skipif(not WINDOWS.exists(), reason=f"needs {WINDOWS}")
def test_a_window_takes_what_a_public_pe_takes():
    """OpenEye's RTL: seven states around a window, two cycles at least for each input, then two sums a cycle. A short
    column at the end, or an empty one behind a long one, takes us a cycle less."""
    for window in json.loads(WINDOWS.read_text()):
        rng = np.random.default_rng(window["seed"])
        inputs, filters = rng.integers(2, 9), rng.choice([4, 8, 16])
        density, weight_density = rng.choice([.4, .7, 1.]), rng.choice([.2, .5, .8])
        iact = rng.integers(1, 5, inputs) * (rng.random(inputs) < density)
        weight = (rng.integers(1, 4, (inputs, filters)) * (rng.random((inputs, filters)) < weight_density)).T
        words = -(-np.count_nonzero(weight[:, iact != 0], axis=0) // 2)
        assert words.tolist() == window["words"]
        outcome = run(linear("l", weight, iact), design(**ONE_PE), m0=int(filters), c0=int(inputs))
        weights_in = outcome.stalls["weight"] // 2
        shorter = window["compute"] - int(outcome.cycles - weights_in - filters // 2)
        assert shorter == (1 if window["seed"] in LOOKED_UP_SOONER else 0)
        assert not shorter or words.min() <= 1


@pytest.mark.small
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 4), (3, 1), (3, 4), (8, 2)])
def test_routes_are_paths_of_the_graph(rows, cols):
    graph, ways = mesh(rows, cols), routes(rows, cols)
    assert ways.links == graph.number_of_edges() == 2 * (rows * (cols - 1) + cols * (rows - 1))
    for home, to in product(graph.nodes, graph.nodes):
        steps = path(home, to)
        assert len(steps) - 1 == nx.shortest_path_length(graph, home, to)
        place, back = to[0] * cols + to[1], home[0] * cols + home[1]
        for before, here in reversed([*pairwise(steps)]):
            assert ways.link[back, place] == graph.edges[before, here]["number"]
            place = ways.before[back, place]
            assert place == before[0] * cols + before[1]
        assert place == back
        assert ways.link[back, back] == -1


@pytest.mark.small
def test_networks_by_hand():
    """2 x 2 clusters of 2 x 2 PEs; four filters on the four columns, channels on the four rows: inputs are broadcast
    along rows, weights are each PE's own."""
    layer = linear("l", np.ones((4, 4), bool), np.ones(4, bool))
    outcome = run(layer, design(**SMALL), m0=1, c0=1, column=4, filter_lanes=4)
    stream, tile, sums = 12 + 4, 24 + 7, 4 * 20
    assert outcome.counts["iact_hop_bits"] == 4 * stream * (1 + 2)  # a link and two ports each
    assert outcome.counts["weight_hop_bits"] == 16 * tile  # unicast
    assert outcome.counts["psum_hop_bits"] == sums * 2  # out at the top, and once between clusters
    assert outcome.stalls["weight"] == 16 * 2 * -(-2 * tile // 24)  # two PEs of a row share a port
    flat = run(layer, design(**SMALL, network="flat"), m0=1, c0=1, column=4, filter_lanes=4)
    assert flat.stalls["weight"] == 16 * 2 * -(-16 * tile // 24)
    assert flat.counts["iact_hop_bits"] == 4 * stream


@pytest.mark.small
def test_tiles_move_what_is_counted():
    for layer in testing.edge_layers().values():
        for name in ("eyeriss_v2", "eyeriss_v1"):
            outcome = run(layer, design(name, dram={"gbps": 1.0}, glb_iact_bytes=2))
            assert outcome.tiles is not None
            assert outcome.tiles.compute_cycles.sum() == outcome.cycles
            for what in ("weight", "activation", "output"):
                assert getattr(outcome.tiles, f"{what}_bits").sum() == outcome.counts[f"dram_{what}_bits"]
            assert outcome.counts["dram_output_bits"] == 8 * layer.output().size


@pytest.mark.small
def test_work_per_pe_is_the_effectual_work():
    for layer in testing.edge_layers().values():
        work = run(layer, design()).work
        assert work is not None
        assert (work.grid, work.total) == ((24, 8), layer.macs_effectual)


def test_presets_hold_as_many_pes_and_bytes_as_the_paper_says():
    sizes = {name: load_arch(name) for name in shipped.names("arch") if load_arch(name).kind == "eyeriss"}
    assert {name: (c.pes, c.slots) for name, c in sizes.items()} == {
        "eyeriss_v1": (192, 192), "eyeriss_v15": (192, 192), "eyeriss_v2": (192, 384), "eyeriss_2017": (168, 168)}
    glb = {name: c.clusters * (c.glb_iact_bytes + c.glb_psum_bytes) for name, c in sizes.items()}
    assert glb["eyeriss_v1"] == glb["eyeriss_v15"] == glb["eyeriss_v2"] == 192 * 1024


@pytest.mark.parametrize("block", [1, 7, 30])
def test_blocks_of_windows_do_not_matter(monkeypatch, block):
    """Costs are worked out for a block of output rows at a time: one or some, over images with rows of padding."""
    rng = np.random.default_rng(3)
    weight, inputs = (rng.random(shape) < 0.4 for shape in ((9, 5, 3, 2), (3, 5, 7, 6)))
    layers = [conv2d("padded", weight, inputs, padding=1, stride=(2, 1)), conv2d("plain", weight[:, :, :1], inputs),
              linear("vectors", weight[..., 0, 0], inputs[..., 0, 0])]
    for layer, compressed in product(layers, (True, False)):
        mapping = {"m0": 4, "c0": 3, "column": 2, "row_lanes": 3, "compressed": compressed}
        config = design(**SMALL, glb_psum_bytes=90)
        whole = run(layer, config, **mapping)
        monkeypatch.setattr(kernel, "BLOCK", block)
        assert run(layer, config, **mapping).counts == whole.counts
        assert run(layer, config, **mapping).stalls == whole.stalls
        monkeypatch.undo()


@pytest.mark.small
def test_mistakes():
    with pytest.raises(ConfigError, match="psum_port_bits is 10, less than one partial sum of 20 bits"):
        design(psum_port_bits=10)
    with pytest.raises(ConfigError, match=r"clusters of 12 PEs; wanted at most 2,048 clusters"):
        design(cluster_rows=2000, cluster_cols=2000)


LAYERS = {  # m0, effectual multiply-accumulates = cycles of the set-up's single PE, words of two weights
    "L07": (8, 1_702_140, 943_918), "L13": (16, 1_144_158, 599_535), "L21": (16, 1_677_684, 881_778),
    "L27": (16, 775_316, 425_929)}


@pytest.mark.parametrize("name", LAYERS)
def test_public_masks_of_sparse_mobilenet(name, golden: Path):
    """Four layers with their real masks: multiply-accumulates, and words of two weights, of one PE with C0 = 8."""
    file = golden / "eyeriss_v2_mobilenet" / "masks.npz"
    if not file.is_file():
        pytest.skip(f"the masks are not redistributable and not at {file}; set ACCELSIM_GOLDEN")
    m0, macs, words = LAYERS[name]
    data = np.load(file)
    channels = int(data[f"{name}_shape"][1])
    weight, inputs = (np.unpackbits(data[f"{name}_{what}"], axis=1, count=channels).astype(bool) for what in "wi")
    layer = linear(name, weight, inputs)
    single = run(layer, design(**ONE_PE, macs_per_pe=1, weight_words=192), m0=m0, c0=8)
    assert single.stalls["busy"] == single.counts["macs"] == single.counts["weight_reads"] == macs
    assert single.stalls["simd_idle"] == single.stalls["ineffectual"] == single.stalls["column"] == 0
    paired = run(layer, design(**ONE_PE), m0=m0, c0=8)
    assert paired.counts["weight_reads"] == words
    assert paired.stalls["busy"] == macs
    assert paired.stalls["simd_idle"] == 2 * words - macs
    whole = run(layer, design())
    assert whole.counts["macs"] == macs
