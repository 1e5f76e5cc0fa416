"""Results: sums over layers, plain data, and tables in which every name is inert."""

import contextlib
import json
from typing import Any

import numpy as np
import pytest

import accelsim
from accelsim import shipped
from accelsim.report import files
from accelsim.report.workloads import trace_text
from accelsim.result.notebook import as_html
from accelsim.result.table import as_text

pytestmark = pytest.mark.small

ODD_NAMES = ("<script>alert(1)</script>", "[red]x[/red]", "[link=http://x]y", "a & b", "=1+1", "o'\"clock", "名前 ∆")


def small(seed: int = 0, names: tuple[str, ...] = ("conv", "fc")) -> accelsim.Trace:
    rng = np.random.default_rng(seed)

    def values(*shape: int) -> np.ndarray:
        return (rng.integers(-9, 10, shape) * (rng.random(shape) < 0.6)).astype(np.int8)

    return accelsim.Trace([accelsim.conv2d(names[0], values(3, 2, 3, 3), values(2, 2, 5, 5), padding=1),
                           accelsim.linear(names[1], values(10, 20), values(4, 20), values(10))], "small")


@pytest.fixture(scope="module")
def result() -> accelsim.Result:
    return accelsim.simulate(small(), set={"pes": 4})


def test_a_run_is_the_sum_of_its_layers(result: accelsim.Result) -> None:
    for name in ("cycles", "energy_pj", "macs_dense", "macs_effectual"):
        assert getattr(result, name) == sum(getattr(layer, name) for layer in result.layers)
    for name in ("stalls", "counts", "energy_by_component"):
        whole, parts = getattr(result, name), [getattr(layer, name) for layer in result.layers]
        assert whole == {key: sum(part[key] for part in parts) for key in parts[0]}
    assert result.time_us == result.cycles / result.config.clock_mhz
    assert result.utilization == result.stalls["busy"] / (4 * result.cycles)
    assert sum(result.stalls.values()) == 4 * result.cycles
    assert result.notes[0].startswith("conv: convolution run as 50 im2col vectors")


def test_layers_have_the_fields_of_the_run(result: accelsim.Result) -> None:
    for name in ("cycles", "time_us", "energy_pj", "utilization", "stalls", "counts", "macs_dense", "macs_effectual"):
        assert type(getattr(result, name)) is type(getattr(result.layers[0], name))
    assert [layer.name for layer in result.layers] == ["conv", "fc"]
    assert result.counts["macs"] > 0


def test_plain_data_and_back(result: accelsim.Result) -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(type(key) is str and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (bool, int, float, str)

    data = result.to_dict()
    assert plain(data)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_the_same_inputs_are_the_same_bytes(result: accelsim.Result) -> None:
    again = accelsim.simulate(small(), set={"pes": 4})
    assert files.as_json([again]) == files.as_json([result])
    assert files.as_csv([again]) == files.as_csv([result])
    assert again == result


def test_run_id_sees_all_that_can_move_a_number(result: accelsim.Result) -> None:
    others = [accelsim.simulate(small(), set={"pes": 5}), accelsim.simulate(small(1), set={"pes": 4}),
              accelsim.simulate(small(), set={"pes": 4}, policy="row_block"),
              accelsim.simulate(small(), set={"pes": 4, "clock_mhz": 1}),
              accelsim.simulate(small(), set={"pes": 4}, engine="reference")]
    assert len({result.run_id, *(other.run_id for other in others)}) == 6
    assert accelsim.simulate(small(), set={"pes": 4}).run_id == result.run_id


def test_data_frame_has_a_row_a_layer_and_a_column_a_number(result: accelsim.Result) -> None:
    frame = result.to_pandas()
    assert list(frame["name"]) == ["conv", "fc"]
    assert frame["cycles"].sum() == result.cycles
    assert frame["stall.busy"].sum() == result.stalls["busy"]
    assert frame["count.macs"].sum() == result.counts["macs"]
    assert frame[[c for c in frame if c.startswith("energy_pj.")]].sum().sum() == pytest.approx(result.energy_pj)


def test_csv_is_the_data_frame(result: accelsim.Result) -> None:
    import csv

    lines = list(csv.DictReader(files.as_csv([result]).splitlines()))
    frame = result.to_pandas()
    assert list(lines[0]) == list(frame.columns)
    assert [int(line["cycles"]) for line in lines] == list(frame["cycles"])


def on_every_preset(trace: accelsim.Trace) -> list[accelsim.Result]:
    """Runs on all presets but those that want structured weights."""
    results = []
    for name in shipped.names("arch"):
        with contextlib.suppress(accelsim.UnsupportedLayerError):
            results.append(accelsim.simulate(trace, name))
    return results


def test_csv_of_different_machines_has_the_columns_of_all() -> None:
    results = on_every_preset(small())
    assert len({r.config.kind for r in results}) > 4
    first, *lines = files.as_csv(results).splitlines()
    assert len(lines) == 2 * len(results)
    assert {f"count.{name}" for r in results for name in r.counts} <= set(first.split(","))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_layers_name_is_inert_in_html_and_in_the_terminal(name: str) -> None:
    run = accelsim.simulate(small(names=(name, "fc")))
    html, text = as_html([run, run]), as_text([run, run])
    assert run._repr_html_() == as_html([run])
    assert "<script" not in html
    assert "<a href" not in html
    shown = "".join(text.split())
    assert "".join(name.split())[:10] in shown, "shown as it is, not taken for markup"
    assert "\x1b" not in text
    assert "".join(name.split())[:10] in "".join(trace_text(small(names=(name, "fc"))).split())
    assert json.loads(files.as_json([run]))["runs"][0]["layers"][0]["name"] == name


def test_names_of_designs_and_traces_are_inert_too() -> None:
    trace = accelsim.Trace(small().layers, "<img src=x>")
    html = as_html([accelsim.simulate(trace, set={"name": "<b>[bold]"})])
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;img" in html


def test_a_comparison_names_every_run(result: accelsim.Result) -> None:
    slow = accelsim.simulate(small(), set={"pes": 4, "clock_mhz": 400, "name": "slow"})
    text = as_text([result, slow])
    assert "comparison" in text
    assert "0.50x" in text
    assert str(result) == as_text([result])


def test_an_empty_machine_time_is_no_division_by_zero() -> None:
    zeros = accelsim.linear("zeros", np.zeros((3, 3), np.int8), np.zeros(3, np.int8))
    for arch in shipped.names("arch"):
        run = accelsim.simulate(zeros, arch)
        assert run.macs_effectual == 0
        as_text([run, run])
        files.as_json([run])
