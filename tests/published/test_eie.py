"""What the EIE paper and its authors' simulator published, and what we get."""

import numpy as np
import pytest

import accelsim

# Table III (densities in percent) and Table IV (microseconds): layer -> in, out, weight, activation, theoretical, actual
TABLE_IV = {
    "Alex-6": (9216, 4096, 9, 35.1, 28.1, 30.3),
    "Alex-7": (4096, 4096, 9, 35.3, 11.7, 12.2),
    "Alex-8": (4096, 1000, 25, 37.5, 8.9, 9.9),
    "VGG-7": (4096, 4096, 4, 37.5, 7.9, 8.7),
    "NT-Wd": (600, 8791, 11, 100, 13.0, 13.9),
}


def random_layer(name: str, seed: int = 0) -> accelsim.Layer:
    """Independent random non-zeros at the densities of Table III; no bias, as the table's theory has none."""
    n_in, out, weight, activation, *_ = TABLE_IV[name]
    rng = np.random.default_rng(seed)
    return accelsim.linear(name, rng.random((out, n_in), dtype=np.float32) < weight / 100,
                           rng.random(n_in) < activation / 100)


@pytest.mark.parametrize(("queue_entries", "cycles"), [(7, 7926), (1, 10194)])
def test_alex8_equals_the_authors_simulator(alex8, queue_entries, cycles):
    result = accelsim.simulate(alex8, arch="eie", set={"queue_entries": queue_entries})
    assert result.cycles == cycles
    known = {"spmat_row_reads": 100_900, "pointer_reads": 112_640, "macs": 453_748, "padding_entries": 0}
    assert {name: result.counts[name] for name in known} == known
    assert result.utilization == pytest.approx({7: 0.8945, 1: 0.695}[queue_entries], abs=5e-4)


# Table IV was run on one image, Table III gives average densities. For Alex-8 the authors ship the image's data (42.94 %
# and 25.66 % instead of 37.5 % and 25 %); for Alex-7 they do not.
OTHER_DENSITY = {
    "Alex-7": "published times need an input density of about 32 % where Table III has 35.3 %: +9 %",
    "Alex-8": "published times belong to the shipped data (next test), denser than Table III: -17 % and -19 %",
}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.xfail(reason=OTHER_DENSITY[name], strict=True)] if name in OTHER_DENSITY else [])
    for name in sorted(TABLE_IV)])
def test_table_iv(name):
    """Within 6 % of the paper's theoretical and actual times; work = entries, padding counted, over peak."""
    theoretical, actual = errors(random_layer(name), name)
    assert abs(theoretical) < 0.06
    assert abs(actual) < 0.06


def test_table_iv_at_the_densities_of_the_shipped_alex8():
    rng = np.random.default_rng(0)
    layer = accelsim.linear("Alex-8", rng.random((1000, 4096)) < 0.2566, rng.random(4096) < 0.4294)
    assert max(map(abs, errors(layer, "Alex-8"))) < 0.06


@pytest.mark.parametrize("name", sorted(TABLE_IV))
def test_loss_over_theory(name):
    """Actual over theoretical time, which densities hardly move: within 5 % of Table IV's in every row."""
    *_, theoretical_us, actual_us = TABLE_IV[name]
    theoretical, actual = errors(random_layer(name), name)
    assert abs((1 + actual) / (1 + theoretical) - 1) < 0.05, (theoretical_us, actual_us)


def errors(layer: accelsim.Layer, name: str) -> tuple[float, float]:
    """Relative errors of the theoretical and the actual time against Table IV."""
    *_, theoretical_us, actual_us = TABLE_IV[name]
    result = accelsim.simulate(layer, arch="eie")
    work_us = result.counts["arithmetic_slots"] / 64 / result.config.clock_mhz
    return work_us / theoretical_us - 1, result.time_us / actual_us - 1


def test_area_is_that_of_table_ii():
    assert accelsim.simulate(random_layer("Alex-8"), arch="eie").area_mm2 == pytest.approx(40.8, abs=0.05)


def test_power_on_alex7():
    """590 mW at 64 PEs [paper, section VI]; our per-action split of Table II must add up to it again within 15 %."""
    result = accelsim.simulate(random_layer("Alex-7"), arch="eie")
    assert result.energy_pj / result.time_us / 1e3 == pytest.approx(590, rel=0.15)
