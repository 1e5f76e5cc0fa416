"""What is a page made from, and what is said of everything else?"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import accelsim
from accelsim.errors import ReportError, StoreError
from accelsim.report.sources import collect, run_labels
from accelsim.result.records import RunRecord


def test_any_mix_is_read(files: Path, make_store: Callable[[Path, int], Path]) -> None:
    store = make_store(files / "points.sqlite", 20)
    found = collect([files / "run", str(files / "pol" / "policies.json"), store, files / "hostile.json"])
    assert [run.record.arch for run in found.groups[0].runs] == ["eie", "eie", "scnn"]
    assert [run.label for run in found.groups[0].runs] == ["eie no DRAM", "eie DRAM 12.8 GB/s", "scnn"]
    assert len(found.groups) == 2
    assert len(found.sweeps[0].rows) == 20
    assert found.comparisons[0].record.rows[0].stalls == {"busy": 160, "barrier": 240}


def test_objects_are_taken_as_they_are() -> None:
    trace = accelsim.Trace([accelsim.linear("fc", [[1, 0, 3], [0, 0, 2]], [[1, 1, 1]])], "tiny")
    result = accelsim.simulate(trace, "eie", set={"pes": 2})
    found = collect([result, accelsim.compare_policies(trace, result.config)])
    assert found.runs[0].record.totals.cycles == result.cycles
    assert len(found.comparisons) == 1


def test_a_run_given_twice_is_shown_once(files: Path) -> None:
    found = collect([files / "run", files / "run" / "result.json"])
    assert len(found.runs) == 3
    assert len(found.notes) == 3
    assert "shown once" in found.notes[0]


def test_labels_say_what_differs(runs: list[dict[str, Any]]) -> None:
    other = copy.deepcopy(runs[0])
    other["config"]["pes"] = 8
    assert run_labels([RunRecord(**r) for r in (runs[0], other)]) == ["eie pes=16", "eie pes=8"]
    other["config"]["pes"] = 16
    other |= {"policy": "random", "engine": "reference"}
    assert run_labels([RunRecord(**r) for r in (runs[0], other, runs[2])]) == [
        "eie row_interleave kernel", "eie random reference", "scnn"]


def broken(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def write(file: Path) -> None:
        data = json.loads(file.read_text())
        change(data["runs"][0])
        file.write_text(json.dumps(data))

    return write


@pytest.mark.parametrize(("damage", "said"), [
    (lambda file: file.unlink(), "no such file"),
    (lambda file: file.write_text(""), "not readable as JSON"),
    (lambda file: file.write_text("[" * 100_000), "not readable as JSON"),
    (lambda file: file.write_bytes(b"\xff\xfe\x00"), "not readable as JSON"),
    (lambda file: file.write_text("[]"), "not a result (no object)"),
    (lambda file: file.write_text('{"runs": []}'), "not a result (an object with runs)"),
    (lambda file: file.write_text('{"runs": [{}]}'), "runs[0]: not a result of this accelsim: run_id: Field required"),
    (lambda file: file.write_text(file.read_text().replace('"cycles": ', '"cycles": NaN, "x": ', 1)), "NaN"),
    (broken(lambda run: run["layers"][0]["stalls"].update(busy=10**6)), "stalls sum to"),
    (broken(lambda run: run["layers"][0].update(cycles=-1)), "layers.0.cycles"),
    (broken(lambda run: run["layers"][0].update(time_us="1")), "layers.0.time_us"),
    (broken(lambda run: run.update(layers=[])), "layers"),
    (broken(lambda run: run["config"].update(clock_mhz=0)), "clock_mhz is 0"),
    (broken(lambda run: run["layers"][0].update(work={"format": 2})), "layers.0.work.format"),
    (lambda file: file.write_bytes(b"SQLite format 3\0" + bytes(100)), "result.json"),
])
def test_what_is_no_result_is_one_message(files: Path, damage: Callable[[Path], object], said: str) -> None:
    file = files / "run" / "result.json"
    damage(file)
    with pytest.raises((ReportError, StoreError)) as caught:
        collect([file])
    assert said in str(caught.value)
    assert "result.json" in str(caught.value)
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("work", [
    {"cells": [1, 2, 3]}, {"cells": []}, {"grid": [4]}, {"grid": [0, 4]}, {"block": [1, 0]}, {"cells": [-1] * 16},
    {"histogram": {"block": [1, 1], "width": 0, "cells": [1]}},
])
def test_work_that_does_not_fit_its_grid_is_refused(files: Path, work: dict[str, Any]) -> None:
    file = files / "run" / "result.json"
    data = json.loads(file.read_text())
    data["runs"][1]["layers"][0]["work"] |= work
    file.write_text(json.dumps(data))
    with pytest.raises(ReportError, match=r"runs\[1\]"):
        collect([file])


def test_other_folders_and_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="a folder without"):
        collect([tmp_path])
    with pytest.raises(ReportError, match="a dict is no result"):
        collect([{}])  # type: ignore[list-item]
    with pytest.raises(ReportError, match="nothing to show"):
        collect([])
    with pytest.raises(ReportError, match="cannot be read"):
        collect(["x" * 5000])
