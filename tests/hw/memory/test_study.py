"""The keys of a design's memory as axes of a study."""

import pytest

import accelsim
from accelsim import ConfigError
from accelsim.arch.eie.config import EieConfig
from accelsim.strict import dotted_keys, flattened
from accelsim.study.checks import load_study

STUDY = {"traces": ["digits_cnn"], "archs": ["eie"], "set": {"dram.gbps": [1, 4, 16], "resident_weights": [False]}}


@pytest.mark.small
def test_dotted_names():
    assert {"dram", "dram.gbps", "dram.row_buffer", "pes"} <= set(dotted_keys(EieConfig))
    assert flattened({"a": {"b": 1, "c": {"d": None}}, "e": None}) == {"a.b": 1, "a.c.d": None, "e": None}


def test_bandwidth_is_an_axis(tmp_path):
    pytest.importorskip("distributed")
    done = accelsim.sweep(STUDY, tmp_path / "s.sqlite", workers=1)
    assert done.ran == 3


@pytest.mark.small
def test_a_misspelt_axis_is_told():
    with pytest.raises(ConfigError, match=r"eie has no key 'dram\.gpbs' to set; did you mean 'dram\.gbps'\?"):
        load_study(STUDY | {"set": {"dram.gpbs": [1]}})
