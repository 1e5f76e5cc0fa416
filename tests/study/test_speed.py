"""How fast is a sweep? Run with -s to see the figures."""

import re
import time
from itertools import pairwise

import numpy as np
import pytest

import accelsim
from accelsim.study.space import Space
from accelsim.study.store import Store
from accelsim.study.traces import study_traces

# in, out, densities in percent of weights and activations [EIE, Table III]
FC_LAYERS = {"fc6": (9216, 4096, 9, 35.1), "fc7": (4096, 4096, 9, 35.3), "fc8": (4096, 1000, 25, 37.5)}
STUDY = """
set:
  queue_entries: [1, 2, 3, 4, 6, 7, 8, 15, 31, 63]
  pes: [16, 32, 48, 64, 80, 96, 128, 160, 192, 256]
  spmat_width_bits: {from: 32, to: 320, step: 32}
"""  # the axis that costs most is not the outermost on purpose


@pytest.fixture(scope="module")
def alexnet_fc() -> accelsim.Trace:
    """AlexNet's fully connected layers as random masks with the densities of EIE's Table III."""
    rng = np.random.default_rng(0)
    return accelsim.Trace([
        accelsim.linear(name, rng.random((out, n_in), dtype=np.float32) < weight / 100, rng.random(n_in) < active / 100)
        for name, (n_in, out, weight, active) in FC_LAYERS.items()], name="alexnet_fc")


@pytest.mark.slow
def test_a_thousand_points_in_a_minute(alexnet_fc, accelsim_command, tmp_path):
    pytest.importorskip("distributed", reason="sweeps need the extra 'cluster'")
    alexnet_fc.save(tmp_path / "alexnet_fc.safetensors")
    (tmp_path / "fc.yaml").write_text(f"traces: alexnet_fc.safetensors\narchs: eie\n{STUDY}")
    start = time.perf_counter()
    done = accelsim_command("sweep", "fc.yaml", "--workers", 2, "-o", "s").stdout
    seconds = time.perf_counter() - start
    print(f"\n1,000 points of AlexNet's FC layers: {seconds:.1f} s, the process included\n{done}")
    assert "1,000 points: 1,000 finished" in done
    assert seconds < 60
    rows = Store.read(tmp_path / "s").rows()
    for row in rows[::137]:
        changes = {key: row[f"config.{key}"] for key in ("pes", "queue_entries", "spmat_width_bits")}
        assert accelsim.simulate(alexnet_fc, "eie", set=changes).run_id == row["run_id"]
        assert accelsim.simulate(alexnet_fc, "eie", set=changes).energy_pj == row["energy_pj"]


@pytest.mark.slow
def test_another_queue_depth_costs_a_twentieth_of_the_first_point(alexnet_fc):
    accelsim.simulate(alexnet_fc, "eie", set={"pes": 8}).macs_effectual  # noqa: B018 (compiles)
    best = []
    for _ in range(5):
        fresh = accelsim.Trace([accelsim.linear(x.name, x.weight[0], x.activation[0]) for x in alexnet_fc.layers])
        times = []
        for depth in range(1, 8):
            start = time.perf_counter()
            accelsim.simulate(fresh, "eie", set={"queue_entries": depth})
            times.append(time.perf_counter() - start)
        best.append(min(times[1:]) / times[0])
    print(f"\nanother queue depth over the first point: {min(best):.1%}")
    assert min(best) <= 0.05


@pytest.mark.slow
def test_scheduling_costs_less_than_a_tenth_for_points_of_50_ms(accelsim_command, tmp_path):
    """Points that sleep, so that what else the machine does is not taken for scheduling."""
    pytest.importorskip("distributed", reason="sweeps need the extra 'cluster'")
    rng = np.random.default_rng(0)
    accelsim.Trace([accelsim.linear("l", rng.random((16, 24)) < 0.4, rng.random(24) < 0.5)]).save(
        tmp_path / "one.safetensors")
    (tmp_path / "nap.yaml").write_text("traces: one.safetensors\narchs: eie\npolicies: nap\n"
                                       "set: {pes: {from: 1, to: 400, step: 1}}\n")
    done = accelsim_command("sweep", "nap.yaml", "--workers", 2, "-o", "s").stdout
    busy = int(re.search(r"workers (\d+)% busy", done).group(1))
    print(f"\nof the workers' time in points of 50 ms: {busy} %")
    assert busy >= 90


def test_points_that_share_data_stay_together(alexnet_fc):
    """Whatever the order of the axes, a worker gets the points of one mapping in a row."""
    from accelsim.study.backlog import Backlog
    from accelsim.study.checks import load_study

    small = accelsim.Trace([accelsim.linear("l", np.ones((2, 2), bool), np.ones(2, bool))])
    study = load_study({"traces": "x", "archs": "eie", "set": {"queue_entries": [1, 2, 3], "pes": [1, 2, 3, 4],
                                                               "spmat_width_bits": [8, 16]}})
    with study_traces([small]) as traces:
        backlog = Backlog(Space(study, traces).points())
    seen: dict[str, list[int]] = {"a": [], "b": []}
    while backlog:
        for worker in seen:
            chunk = backlog.take(worker, 2)
            backlog.took([0.001] * len(chunk) or [0.0])
            seen[worker] += [p.facts["config.pes"] for p in chunk]
    changes = sum(one != other for pes in seen.values() for one, other in pairwise(pes))
    assert sorted(seen["a"] + seen["b"]) == sorted([1, 2, 3, 4] * 6)
    assert changes <= 4  # two groups each, and help with the last one
