"""Do CompAct's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim import UnsupportedLayerError, load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine
from accelsim.testing.run_facts import differences, facts

A_FEW_BYTES = st.integers(1, 200).map(lambda size: size / 1024)  # in KiB
DRAWN = {"rows": st.integers(1, 5), "cols": st.integers(1, 5), "double_buffer": st.booleans(),
         "run_bits": st.integers(1, 5), "wake_cycles": st.integers(0, 4), "value_bits": st.sampled_from([8, 16]),
         "dram": st.sampled_from([None, {"gbps": 1.0}]), "activation_buffer_kbytes": st.none() | A_FEW_BYTES,
         "resident_weights": st.booleans(), "resident_activations": st.booleans()}


def design(**changes: object) -> ArchConfig:
    return load_arch("compact", {"lossy_threshold": 0, **changes})


class TestCompact(testing.MachineConformance):
    """With threshold 0, where no code loses anything; the others are below."""

    kind = "compact"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, **DRAWN)

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design()
        yield design(rows=1, cols=1, run_bits=1, wake_cycles=0)
        yield design(rows=4, cols=3, double_buffer=False, dram={"gbps": 1.0}, activation_buffer_kbytes=0.01)


def images(rng: np.random.Generator, smooth: int) -> np.ndarray:
    """Inputs whose neighbours are near each other."""
    steps = rng.integers(-smooth, smooth + 1, (2, 3, 6, 7)).cumsum(axis=3)
    return np.where(rng.random(steps.shape) < 0.8, steps, 0).astype(np.int8)


@given(data=st.data(), seed=st.integers(0, 99), threshold=st.integers(0, 9))
def test_twins_agree_on_what_a_lossy_code_reads_back(data, seed, threshold):
    rng = np.random.default_rng(seed)
    drawn = {name: data.draw(values) for name, values in DRAWN.items()}
    config, model = design(lossy_threshold=threshold, **drawn), machine("compact")
    layer = accelsim.conv2d("c", testing.tensor(rng, (4, 3, 2, 3), 0.7), images(rng, 1 + seed % 4), padding=1)
    fast, slow = (run(layer, config, model.policies["lossy_rlc"]) for run in (model.run, model.reference))
    assert differences(facts(fast), facts(slow)) == {}
    assert fast.notes == slow.notes
    assert bool(fast.counts["changed_values"]) == bool(fast.notes)
    if not fast.counts["changed_values"]:
        np.testing.assert_array_equal(slow.output, layer.output())


@given(layer=testing.layers(size=8))
def test_zeros_alone_decide_what_sparse_rlc_stores(layer):
    model, config = machine("compact"), design(rows=3, cols=2)
    policy = model.policies["sparse_rlc"]
    assert facts(model.run(layer.pattern(), config, policy)) == facts(model.run(layer, config, policy))
    for name in ("rlc", "lossy_rlc"):
        with pytest.raises(UnsupportedLayerError, match="sparse_rlc"):
            model.run(layer.pattern(), config, model.policies[name])
