"""Which bound holds."""

import numba
import numpy as np
import pytest
from typer.testing import CliRunner

import accelsim
from accelsim.arch.registry import kinds, machine
from accelsim.cli import app
from accelsim.result.roofline import BOUNDS, roofline

pytestmark = pytest.mark.small
CLASSES = {"zeros": "compute", "barrier": "imbalance"}


def test_the_ladder():
    roof = roofline(100, 4, {"busy": 100, "zeros": 60, "barrier": 40, "drain": 200}, CLASSES, None)
    assert (roof.compute_cycles, roof.balanced_cycles, roof.machine_cycles) == (40, 50, 100)
    assert (roof.bound, roof.over_compute) == ("on-chip", 2.5)


@pytest.mark.parametrize(("stalls", "dram", "bound"), [
    ({"busy": 400, "barrier": 0, "drain": 0}, None, "compute"),
    ({"busy": 100, "barrier": 200, "drain": 100}, None, "imbalance"),
    ({"busy": 100, "barrier": 100, "drain": 200}, 100, "on-chip"),
    ({"busy": 400, "barrier": 0, "drain": 0}, 101, "dram"),
])
def test_bounds(stalls, dram, bound):
    assert roofline(100, 4, stalls, CLASSES, dram).bound == bound


def test_an_empty_layer_has_no_ratio():
    assert roofline(0, 4, {"busy": 0}, {}, None).over_compute == 0


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_classes_name_stalls_of_the_machine(kind):
    model = machine(kind)
    assert set(model.stall_classes) == set(model.stall_names)
    assert set(model.stall_classes.values()) <= set(BOUNDS)


def test_machine_cycles_are_those_without_memory():
    layer = accelsim.linear("l", np.ones((9, 8), np.int8), np.ones(8, np.int8))
    alone = accelsim.simulate(layer, "scnn")
    bound = accelsim.simulate(layer, "scnn", set={"dram.gbps": 0.01}).layers[0].roofline
    assert (bound.machine_cycles, bound.bound) == (alone.cycles, "dram")
    assert alone.layers[0].roofline.dram_cycles is None


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="minutes without the JIT")
def test_commands():
    roof = printed("roofline", "digits_cnn", "--arch", "eie", "--dram-gbps", "0.5", "--set", "resident_weights=false")
    assert "over compute" in roof
    assert roof.count("dram ") >= 5
    tables = printed("energy", "digits_cnn", "--arch", "eie", "--tables", "eie_45nm", "eie_7nm")
    assert tables == printed("energy", "digits_cnn", "--arch", "eie", "--tables", "eie_45nm", "--tables", "eie_7nm")
    assert "against the first" in tables
    assert "1.00x" in tables
    assert "0.07x" in tables
    assert "eie_28nm" in printed("run", "digits_cnn", "-a", "eie", "--energy-table", "eie_28nm", "--format", "json")


@pytest.mark.parametrize("words", [("--dram-gbps", "2", "--set", "dram.gbps=3"), ("--dram-gbps", "-1"),
                                   ("--energy-table", "nope"), ("--set", "dram.model=ddr5"),
                                   ("--set", "dram.row_buffer=true")])
def test_mistakes_are_one_message(words):
    result = CliRunner().invoke(app, ["run", "digits_cnn", "--arch", "eie", *words])
    assert result.exit_code == 2
    assert result.stderr.startswith("accelsim: error: ")
    assert "Traceback" not in result.output


def test_printing_simulates_nothing(monkeypatch):
    """Also of a machine with a DRAM of its own: what it takes without waits has been said by its run."""
    layer = accelsim.linear("fc", np.ones((8, 8), np.int8), np.ones((4, 8), np.int8))
    result = accelsim.simulate(layer, "a100_dense", set={"dram.gbps": 1.0})

    def never(*_: object) -> None:
        raise AssertionError("a layer was simulated again")

    monkeypatch.setattr(type(machine("tensor_core")), "run", never)
    assert "fc" in str(result) and result.to_dict()["layers"][0]["roofline"]["dram_cycles"] > 0
    assert result.layers[0].roofline.machine_cycles < result.cycles
