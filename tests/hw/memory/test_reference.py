"""Is the memory timeline's reference right about tiles that load? Times and waits against pencil and paper."""

import pytest

from accelsim.hw.memory.dram import Channel
from accelsim.hw.memory.reference import Accelerator, Record, TileJob

# Worked by hand from docs/memory.md. The channel moves 10 bits a cycle; read data are there 5 cycles later.
CHANNEL = Channel(10, 1, 5, 1)


def run(*jobs: TileJob, buffering: int = 2) -> list[Record]:
    return Accelerator(jobs, CHANNEL, buffering).run()


def job(weights: int = 0, activations: int = 0, outputs: int = 0, *, cycles: int, load: int = 0,
        needs: int | None = None, gate: int | None = None) -> TileJob:
    bits = {"weights": weights, "activations": activations, "outputs": outputs}
    return TileJob(bits, compute_cycles=cycles, load_cycles=load, needs=needs, gate=gate)


def waits(record: Record) -> dict[str, int]:
    return {cause: cycles for cause, cycles in record.waits.items() if cycles}


@pytest.mark.parametrize(("load", "loaded", "load_wait"), [
    (1, 35, 34), (34, 35, 1), (35, 35, 0), (36, 36, 0), (50, 50, 0)])
def test_a_load_ends_with_its_cycles_or_with_its_weights(load, loaded, load_wait):
    # 300 bits: moved at 30, there at 35. What is left of 50 cycles follows the load; the wait lies inside.
    [tile] = run(job(300, cycles=50, load=load))
    assert (tile.asked["weights"], tile.start, tile.there["weights"]) == (0, 0, 35)
    assert (tile.loaded, tile.load_wait) == (loaded, load_wait)
    assert tile.end == loaded + 50 - load
    assert waits(tile) == {}


def test_a_tile_that_does_not_load_waits_before_it_starts():
    [tile] = run(job(300, cycles=50))
    assert (tile.start, tile.loaded, tile.load_wait, tile.end) == (35, 35, 0, 85)
    assert waits(tile) == {"weights": 35}


def test_a_load_ends_at_a_whole_cycle():
    # 301 bits are moved within cycle 30, there at 31 + 5.
    [tile] = run(job(301, cycles=50, load=20))
    assert (tile.loaded, tile.load_wait, tile.end) == (36, 16, 66)


def test_weights_of_a_load_are_asked_for_behind_the_tile_before():
    # There at 35, loaded at 35, computed at 65. The next asks then, though a buffer is free: there at 100, 30 more.
    first, second = run(job(300, cycles=50, load=20), job(300, cycles=50, load=20, gate=0))
    assert first.end == second.asked["weights"] == second.start == 65
    assert (second.loaded, second.load_wait, second.end) == (100, 15, 130)
    assert waits(second) == {}


def test_no_weights_to_fetch_leave_the_load_alone():
    # Nothing is asked for; a load of as many cycles as it has.
    first, second = run(job(cycles=50, load=20), job(cycles=30, load=30, gate=0))
    assert (first.start, first.loaded, first.end) == (0, 20, 50)
    assert (second.start, second.loaded, second.end) == (50, 80, 80)
    assert first.load_wait == second.load_wait == 0


def test_a_load_starts_with_its_activations_and_then_finds_its_weights():
    # Weights are moved until 30, there at 35; activations until 70, there at 75. Nobody waits for weights.
    [tile] = run(job(300, 400, cycles=50, load=20))
    assert (tile.start, tile.loaded, tile.load_wait, tile.end) == (75, 95, 0, 125)
    assert waits(tile) == {"activations": 75}


def test_a_load_waits_for_what_is_left_of_its_weights():
    # The first tile computes 10 and frees the channel: activations of both are moved by 20, there at 15 and 25. It ends
    # at 25; the second starts at once, its weights are asked for at 25, moved until 55, there at 60.
    first, second = run(job(0, 100, cycles=10), job(300, 100, cycles=50, load=20, gate=0))
    assert (first.start, first.end) == (15, 25)
    assert (second.there["activations"], second.start, second.there["weights"]) == (25, 25, 60)
    assert (second.loaded, second.load_wait, second.end) == (60, 15, 90)


def test_before_its_start_a_load_waits_for_all_but_weights():
    # Computed at 10: the second's weights are moved until 40, there at 45; then the first's outputs, written at 70.
    # Only then are the second's activations asked for: moved until 80, there at 85.
    first, second = run(job(outputs=300, cycles=10), job(300, 100, cycles=50, load=20, needs=0, gate=0))
    assert (first.written, second.there["weights"], second.start) == (70, 45, 85)
    assert (second.loaded, second.load_wait, second.end) == (105, 0, 135)
    assert waits(second) == {"handover": 60, "activations": 15}


def test_a_load_waits_for_the_output_buffer():
    # One buffer: weights are moved until 40, there at 45, while the outputs are written from 40 to 70.
    _, second = run(job(outputs=300, cycles=10), job(300, cycles=50, load=20, gate=0), buffering=1)
    assert (second.start, second.loaded, second.end) == (70, 90, 120)
    assert waits(second) == {"writeback": 60}


def test_tiles_that_do_not_load_are_fetched_while_one_does():
    # Both ask at 0: there at 35 and 65. The first has loaded at 35 and computed at 65.
    first, second, third = run(job(300, cycles=50, load=20), job(300, cycles=10), job(100, cycles=30, load=5, gate=1))
    assert (first.end, second.there["weights"], second.start, second.end) == (65, 65, 65, 75)
    assert (second.loaded, second.load_wait) == (65, 0)
    assert (third.asked["weights"], third.start, third.loaded, third.load_wait, third.end) == (75, 75, 90, 10, 115)


def test_a_gate_holds_back_the_weights_behind_it():
    # The third tile's weights queue behind the second's, which are asked for at 65 and there at 75.
    _, second, third = run(job(300, cycles=50, load=20), job(50, cycles=30, load=20, gate=0), job(100, cycles=10))
    assert (second.asked["weights"], second.loaded, second.load_wait, second.end) == (65, 85, 0, 95)
    assert (third.asked["weights"], third.there["weights"]) == (65, 85)
    assert (third.start, waits(third)) == (95, {})
