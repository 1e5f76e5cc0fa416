"""The keys of a design's memory as axes of a study."""

import numba
import pytest

import accelsim
from accelsim import ConfigError
from accelsim.arch.broadcast.eie.config import EieConfig
from accelsim.study.checks import load_study
from accelsim.study.space import Space
from accelsim.study.traces import study_traces
from accelsim.yaml import dotted_keys, flattened

STUDY = {"traces": ["digits_cnn"], "archs": ["eie"], "set": {"dram.gbps": [1, 4, 16], "resident_weights": [False]}}


@pytest.mark.small
def test_dotted_names():
    assert {"dram", "dram.gbps", "dram.row_buffer", "pes"} <= set(dotted_keys(EieConfig))
    assert flattened({"a": {"b": 1, "c": {"d": None}}, "e": None}) == {"a.b": 1, "a.c.d": None, "e": None}


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="minutes without the JIT")
@pytest.mark.small
def test_bandwidth_is_an_axis():
    study = load_study(STUDY)
    with study_traces(study.traces) as traces:
        points = Space(study, traces).points()
    assert [point.facts["config.dram.gbps"] for point in points] == [1, 4, 16]
    assert {point.facts["config.dram.model"] for point in points} == {"stream"}
    cycles = [accelsim.simulate("digits_cnn", point.config).cycles for point in points]
    assert cycles == sorted(cycles, reverse=True)


@pytest.mark.small
def test_a_misspelt_axis_is_told():
    with pytest.raises(ConfigError, match=r"eie has no key 'dram\.gpbs' to set; did you mean 'dram\.gbps'\?"):
        load_study(STUDY | {"set": {"dram.gpbs": [1]}})
