"""What must hold for the memory of every machine that says what it moves."""

from pathlib import Path

import numpy as np
import pytest
from arch.small import least_bits, on_timeline
from hypothesis import given, settings
from hypothesis import strategies as st

import accelsim
from accelsim import CapacityError, ConfigError, TraceError, shipped, testing
from accelsim.arch.machine import LayerRun
from accelsim.arch.registry import kinds, load_arch, machine
from accelsim.hw.memory import overlay
from accelsim.workload.conv2d import Conv2d

DESIGNS = on_timeline()
QUICK = settings(max_examples=25)


def design(name, **changes):
    return DESIGNS[name].config(**changes)


def engine_run(name, layer, **changes) -> tuple[LayerRun, object]:
    config = design(name, **{"dram.gbps": 4.0} | changes)
    model = machine(config.kind)
    policy = DESIGNS[name].policy or next(iter(model.policies))
    return model.run(layer, config, model.policies[policy]), config


@pytest.mark.parametrize("name", DESIGNS)
@given(layer=testing.layers(size=10))
@QUICK
def test_tiles_are_whole_and_every_operand_is_read(name, layer):
    try:
        run, config = engine_run(name, layer)
    except CapacityError:
        assert DESIGNS[name].may_not_fit
        return
    tiles = run.tiles
    assert len(tiles) > 0
    assert tiles.compute_cycles.sum() == run.cycles
    assert all(min(values) >= 0 for values in tiles.to_lists().values())
    weights, activations = least_bits(name, layer, config)
    assert tiles.weight_bits.sum() >= weights
    assert tiles.activation_bits.sum() >= activations
    if DESIGNS[name].moves_once:
        assert (tiles.weight_bits.sum(), tiles.activation_bits.sum()) == (weights, activations), "each once"
    alone, _ = engine_run(name, layer, dram=None)
    assert (alone.cycles, alone.stalls, alone.counts) == (run.cycles, run.stalls, run.counts)


@given(layer=testing.layers(size=10))
@QUICK
def test_eie_reads_its_format_once(layer):
    """Entries, padding included, pointers and codebook; inputs dense; all as its encoder stores them."""
    run, config = engine_run("eie", layer)
    peak = machine("eie").run(pattern_of_all_inputs(layer), config, machine("eie").policies["row_interleave"])
    entries = peak.counts["arithmetic_slots"] // (1 if isinstance(layer, Conv2d) else layer.activation.shape[1])
    if not isinstance(layer, Conv2d):
        columns = layer.weight.shape[2] + (layer.bias is not None)
        pointers = layer.weight.shape[0] * (columns + 1) * config.pes
        assert run.tiles.weight_bits.sum() == 8 * entries + 16 * pointers + 16 * 16
    assert run.tiles.activation_bits.sum() == 16 * layer.activation.size
    assert run.tiles.output_bits.sum() == 16 * layer.output().size


@pytest.mark.parametrize("name", [name for name, small in DESIGNS.items() if small.counts_moves])
@given(layer=testing.layers(size=10))
@QUICK
def test_planar_machines_move_what_they_count(name, layer):
    run, config = engine_run(name, layer)
    tiles = run.tiles.moved(config.resident_weights, config.resident_activations)
    moved = [tiles.weight_bits.sum(), tiles.activation_bits.sum(), tiles.output_bits.sum()]
    assert moved == [run.counts[f"dram_{what}_bits"] for what in ("weight", "activation", "output")]


def pattern_of_all_inputs(layer):
    """Every input non-zero, so that every stored entry is presented."""
    from dataclasses import replace

    bias = None if layer.bias is None else layer.bias != 0
    return replace(layer, weight=layer.weight != 0, activation=np.ones_like(layer.activation, bool), bias=bias)


@pytest.mark.parametrize("name", DESIGNS)
@given(layer=testing.layers(size=10))
@QUICK
def test_monotone_in_bandwidth(name, layer):
    try:
        cycles = [simulated(name, layer, gbps).cycles for gbps in (0.05, 0.1, 0.3, 1.0, 7.7, 64.0, 1e5)]
    except CapacityError:
        assert DESIGNS[name].may_not_fit
        return
    assert cycles == sorted(cycles, reverse=True)


def simulated(name, layer, gbps, **changes):
    return accelsim.simulate(layer, design(name, **{"dram.gbps": gbps} | changes), policy=DESIGNS[name].policy)


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, small in DESIGNS.items() for key in small.buffers])
@given(layer=testing.layers(size=10))
@QUICK
def test_a_larger_buffer_never_adds_traffic(name, key, layer):
    moved = []
    for size in DESIGNS[name].buffers[key]:
        try:
            counts = simulated(name, layer, 1.0, **{key: size}).counts
        except CapacityError:
            assert not moved, "what fits a small buffer fits a larger one"
            continue
        moved.append(counts["dram_read_bits"] + counts["dram_write_bits"])
    assert moved == sorted(moved, reverse=True)


@pytest.mark.parametrize("name", DESIGNS)
@given(layer=testing.layers(size=8), gbps=st.sampled_from([0.1, 1.0, 33.3]), buffering=st.integers(1, 3),
       prefetch=st.booleans())
@QUICK
def test_engines_agree_with_memory(name, layer, gbps, buffering, prefetch):
    """The kernel's tiles on the fast timeline, and the reference's own on SimPy."""
    trace = accelsim.Trace([layer, accelsim.linear("next", layer_of(layer), np.arange(7) % 3)])
    config = design(name, **{"dram.gbps": gbps, "buffering": buffering, "prefetch_weights": prefetch})
    policy = DESIGNS[name].policy
    try:
        fast = accelsim.simulate(trace, config, policy=policy)
    except CapacityError:
        with pytest.raises(CapacityError):
            accelsim.simulate(trace, config, policy=policy, engine="reference")
        return
    slow = accelsim.simulate(trace, config, policy=policy, engine="reference")
    for a, b in zip(fast.layers, slow.layers, strict=True):
        assert (a.cycles, a.stalls, a.counts) == (b.cycles, b.stalls, b.counts)


def layer_of(layer):
    return np.arange(21).reshape(3, 7) * (layer.weight.size % 3)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_machine_has_a_memory(kind):
    """A timeline of tiles, or a DRAM of its own, and nobody both (tests/arch/tensor_core/test_dram.py)."""
    name = next(n for n in shipped.names("arch") if load_arch(n).kind == kind)
    layer = accelsim.linear("l", np.ones((9, 8), np.int8) * ([1, 0] * 4), np.ones(8, np.int8))
    result = accelsim.simulate(layer, name, set={"dram.gbps": 1, "resident_weights": False},
                               policy="dense_fallback" if machine(kind).own_dram else None)
    slow = accelsim.simulate(layer, name, set={"dram.gbps": 0.01, "resident_weights": False},
                             policy="dense_fallback" if machine(kind).own_dram else None)
    assert slow.cycles > result.cycles
    assert slow.layers[0].roofline.bound == "dram"
    assert result.counts["dram_read_bits"] > 0
    assert result.energy_by_component["dram"] > 0
    assert sum(result.energy_by_component.values()) == pytest.approx(result.energy_pj)
    assert sum(result.energy_by_data.values()) == pytest.approx(result.energy_pj)


@pytest.mark.small
def test_nothing_is_moved_that_is_resident():
    layer = accelsim.linear("l", np.ones((9, 8), np.int8), np.ones(8, np.int8))
    counts = simulated("eie", layer, 1.0, resident_weights=True, resident_activations=True).counts
    assert [counts[name] for name in overlay.COUNTS] == [0] * 5
    alone = accelsim.simulate(layer, design("eie"))
    assert simulated("eie", layer, 1.0, resident_weights=True, resident_activations=True).cycles == alone.cycles


@pytest.mark.small
def test_memory_stall_by_hand():
    """TPU-like array, one tile: 800 MHz, 0.8 GB/s = 8 bits per cycle; 12 weights, 8 inputs, 6 outputs."""
    layer = accelsim.linear("l", np.ones((3, 4), np.int8), np.ones((2, 4), np.int8))
    result = simulated("systolic", layer, 0.8, **{"clock_mhz": 800.0, "dram.latency_ns": 10, "dram.burst_bytes": 1})
    own = 4 + 2 + 3  # load, two vectors, skew
    weights, inputs, outputs = 12 * 16 // 8, 8 * 16 // 8, 6 * 32 // 8
    assert result.cycles == weights + inputs + 8 + own + outputs
    waits = {name: n // 12 for name, n in result.stalls.items() if name.startswith("memory")}
    assert waits == {"memory_weights": weights + 8, "memory_activations": inputs, "memory_writeback": outputs}
    assert result.layers[0].roofline.dram_cycles == weights + inputs + outputs
    assert result.layers[0].roofline.bound == "dram"
    assert sum(result.stalls.values()) == 12 * result.cycles


@pytest.mark.small
def test_weights_of_the_next_layer_are_prefetched():
    rng = np.random.default_rng(0)
    layers = [accelsim.linear(f"fc{i}", rng.integers(1, 5, (32, 32)), rng.integers(1, 5, (64, 32))) for i in range(4)]
    trace = accelsim.Trace(layers)
    config = {"rows": 32, "cols": 32, "dataflow": "ws", "dram.gbps": 32, "resident_activations": True}
    ahead = accelsim.simulate(trace, "tpu_128x128", set=config)
    behind = accelsim.simulate(trace, "tpu_128x128", set=config | {"prefetch_weights": False})
    assert ahead.stalls["memory_weights"] == ahead.layers[0].stalls["memory_weights"]
    assert behind.stalls["memory_weights"] == 4 * ahead.stalls["memory_weights"]


@pytest.mark.small
def test_mistakes():
    layer = accelsim.linear("fc", np.ones((300, 5), np.int8), np.ones(5, np.int8))
    told = (r"'fc': column 0 of a PE needs 1,200 bits, its SRAM \(spmat_kbytes\) holds 163 \(1,037 too many\) and it "
            "cannot be split further; raise spmat_kbytes")
    with pytest.raises(CapacityError, match=told):
        simulated("eie, split", layer, 1.0)
    with pytest.raises(ConfigError, match=r"too fine for a run of this length in 64 bits; give dram\.gbps"):
        simulated("eie", layer, 1.2345678901234567, clock_mhz=799.98765432123456)
    two = [accelsim.linear(n, np.ones((5, 5), np.int8), np.ones(5, np.int8)) for n in "ab"]
    with pytest.raises(TraceError, match="layer 'a' is listed before 'b', whose output it needs"):
        accelsim.simulate(accelsim.Trace(two, edges=[("b", "a")]), design("eie", **{"dram.gbps": 1.0}))
    with pytest.raises(ConfigError, match="the kernel engine of kind 'eie' does not say what it moves"):
        overlay.overlay([None], ["a"], [], design("eie", **{"dram.gbps": 1.0}), "kernel")


def test_one_tile_more_in_flight_may_be_slower_as_the_page_says():
    """Requests are served in the order asked, and with a row buffer that order decides which rows are open."""
    def cycles(buffering: int, row_buffer: bool) -> int:
        changes = {"rows": 8, "cols": 8, "dram.model": "hbm2", "dram.row_buffer": row_buffer, "buffering": buffering}
        return accelsim.simulate("digits_cnn", "tpu_128x128", set=changes).cycles

    found = [cycles(b, row_buffer) for row_buffer in (True, False) for b in (2, 3)]
    assert found == [258_995, 259_010, 258_841, 258_844]
    page = (Path(__file__).parents[3] / "docs" / "memory.md").read_text(encoding="utf-8")
    assert all(f"{n:,}" in page for n in found)
