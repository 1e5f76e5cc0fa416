"""The streams of a product as codes: their number, bits and snoozing, and the inputs that are read back."""

from typing import NamedTuple

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.systolic.compact.config import CompactConfig
from accelsim.arch.systolic.compact.policies import NEED_VALUES
from accelsim.arch.systolic.compact.runs import Runs
from accelsim.errors import ModelError, UnsupportedLayerError
from accelsim.workload.counting import column_nonzeros
from accelsim.workload.derived import derived
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import MatrixProduct


class Coded(NamedTuple):
    """All streams of a product. macs: products of two non-zeros of what is read back."""

    runs: int
    codes: int
    bits: int
    snooze_cycles: int
    changed: int
    macs: int


def coded(layer: Layer, index: int, product: MatrixProduct, config: CompactConfig, policy: Policy) -> Coded:
    """Kept with the layer. Raises UnsupportedLayerError where a pattern does not tell the code."""
    if layer.activation.dtype == bool and policy in NEED_VALUES:
        raise UnsupportedLayerError(f"layer {layer.name!r} is pattern-only, and the code {policy.__name__} depends on "
                                    "values: give int8 or int16 activations, or take the policy sparse_rlc")
    key = ("coded", index, policy, config.run_bits, config.lossy_threshold, config.wake_cycles, config.value_bits)
    found: Coded = derived(layer, key, lambda: _code(product, config, policy))
    return found


def _code(product: MatrixProduct, config: CompactConfig, policy: Policy) -> Coded:
    weights = column_nonzeros(product.matrix)
    total = np.zeros(len(Coded._fields), np.int64)
    for k, stream in enumerate(product.vectors.T):
        values = stream.astype(np.int64)
        runs = policy(values, config.lossy_threshold)
        lengths = _lengths(runs, len(values))
        full, rest = np.divmod(lengths, config.longest_run)
        codes = full + (rest > 0)
        awake = 1 + config.wake_cycles
        slept = full * max(0, config.longest_run - awake) + np.maximum(0, rest - awake)
        heads = values[runs.starts]
        bits = codes.sum() * config.value_bits + codes[runs.counted].sum() * config.run_bits
        changed = np.count_nonzero(np.repeat(heads, lengths) != values)
        total += np.array([len(lengths), codes.sum(), bits, slept.sum(), changed,
                           weights[k] * lengths[heads != 0].sum()])
    return Coded(*map(int, total))


def _lengths(runs: Runs, values: int) -> np.ndarray:
    lengths = np.diff(runs.starts, append=values)
    if runs.starts[0] != 0 or lengths.min() < 1 or lengths[~runs.counted].max(initial=1) > 1:
        raise ModelError(f"the policy cut a stream of {values} values at {runs.starts[:8].tolist()} ...; wanted "
                         "ascending positions from 0, and runs of one value where there is no count")
    return lengths
