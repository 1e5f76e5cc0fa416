"""Do column combining's twins agree, on everything, everywhere?"""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import UnsupportedLayerError, load_arch, testing
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine
from accelsim.simulation import check_accounting
from accelsim.testing.run_facts import differences, facts
from accelsim.workload.lowering import kept_products
from accelsim.workload.packing import surviving

A_FEW_BYTES = st.integers(1, 200).map(lambda size: size / 1024)  # in KiB


def design(arch: str = "column_combining", **changes: object) -> ArchConfig:
    return load_arch(arch, changes)


def one_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


DRAWN = {"rows": st.integers(1, 5), "cols": st.integers(1, 5), "alpha": st.integers(1, 5),
         "section": one_of(1, 3, 4, 256), "row_permutation": st.booleans(), "arithmetic": one_of("word", "bit_serial"),
         "interleaved_streams": one_of(1, 2, 4), "sum_bits": one_of(4, 8, 32), "double_buffer": st.booleans(),
         "weight_bits": one_of(8, 4), "dram": one_of(None, {"gbps": 1.0}), "data_sram_kbytes": st.none() | A_FEW_BYTES,
         "resident_weights": st.booleans(), "resident_activations": st.booleans()}


class TestColumnCombining(testing.MachineConformance):
    """Without conflicts: a design that loses weights computes another layer (below)."""

    kind = "column_combining"

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        return st.builds(design, **DRAWN)

    def some_configs(self) -> Iterator[ArchConfig]:
        yield design()
        yield design(rows=1, cols=1, alpha=1)
        yield design(rows=3, cols=2, alpha=4, section=3, dram={"gbps": 1.0}, data_sram_kbytes=0.01)
        yield design(rows=2, cols=5, arithmetic="bit_serial", sum_bits=8, double_buffer=False, row_permutation=False)


@given(data=st.data(), gamma=one_of(0.1, 0.5, 1.0, 1.75))
def test_twins_agree_on_what_conflicts_leave(data, gamma):
    """Refused by both where the design says so; else the output is that of the weights that are left."""
    drawn = {name: data.draw(values) for name, values in DRAWN.items()}
    layer, policy = data.draw(testing.layers(size=10)), data.draw(one_of("column_combine", "dense_column_first"))
    model = machine("column_combining")
    rule = model.policies[policy]
    refused = design(gamma=gamma, **drawn)
    config = design("column_combining_pruned", gamma=gamma, **drawn)
    fast, slow = (run(layer, config, rule) for run in (model.run, model.reference))
    check_accounting(model, layer, fast)
    assert differences(facts(fast), facts(slow)) == {}
    left = layer.with_weight(np.where(_survive(layer, config, rule), layer.weight, 0).astype(layer.weight.dtype))
    np.testing.assert_array_equal(slow.output, left.output())
    assert fast.counts["pruned_weights"] == np.count_nonzero(layer.weight) - np.count_nonzero(left.weight)
    assert fast.notes == slow.notes
    if fast.counts["pruned_weights"]:
        for run in (model.run, model.reference):
            with pytest.raises(UnsupportedLayerError, match=r"group \d+ \(columns .*\) holds \d+ weights in row"):
                run(layer, refused, rule)
        with pytest.raises(UnsupportedLayerError, match="magnitudes"):
            model.run(layer.pattern(), config, rule)
    else:
        assert facts(model.run(layer, refused, rule)) == facts(fast)


def _survive(layer, config, rule):
    products = kept_products(layer)
    stays = [surviving(p.matrix, rule(p.matrix, config.alpha, config.gamma, config.section)) for p in products]
    return np.stack(stays).reshape(layer.weight.shape)
