"""How far drawn tensors are from uniform: spreads of density across filters, channels, positions and images.

Spreads are standard deviations of the log-odds of being non-zero, so that one number serves all densities: a unit of
log-odds x has density 1 / (1 + exp(-x)). docs/workloads.md shows how the defaults follow from recorded networks.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from accelsim.errors import ConfigError


@dataclass(frozen=True)
class Dispersion:
    """Spreads in log-odds; 0 everywhere is an independent random mask.

    conv_filter, conv_channel: a convolution's weights, per filter and per input channel. linear_output, linear_input:
    a linear layer's weights, per row and per column. channel: activations, per channel (convolutions) or per input
    (linear layers). image_share: the part of that variance which every image of a batch has for itself, 0 to 1.
    position: activations, per place of the plane, the same in all channels. cluster: activations cluster within a
    plane with an exponential correlation of cluster x sqrt(rows of the plane) pixels.
    """

    conv_filter: float
    conv_channel: float
    linear_output: float
    linear_input: float
    channel: float
    image_share: float
    position: float
    cluster: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            high = 1 if field.name == "image_share" else 10
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
                raise ConfigError(f"dispersion: {field.name} is {value!r}, wanted a number from 0 to {high}")


RECORDED = Dispersion(conv_filter=0.37, conv_channel=0.44, linear_output=0.18, linear_input=0.17, channel=1.35,
                      image_share=0.22, position=0.25, cluster=0.45)
UNIFORM = Dispersion(0, 0, 0, 0, 0, 0, 0, 0)


def densities(log_odds: np.ndarray, mean: float) -> np.ndarray:
    """Densities of units from their relative log-odds, shifted so that the densities' mean is `mean` (0 to 1)."""
    if mean <= 0 or mean >= 1:
        return np.full(log_odds.shape, float(mean))
    return logistic(log_odds + solved(lambda shift: float(logistic(log_odds + shift).mean()), mean))


def solved(mean_at: Callable[[float], float], mean: float) -> float:
    """The shift where the rising function `mean_at` reaches `mean`, by bisection."""
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_at(middle) < mean else (low, middle)
    return (low + high) / 2


def logistic(log_odds: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    density: np.ndarray = 0.5 * (1 + np.tanh(0.5 * log_odds))
    return density


def shared_out(total: int, weights: np.ndarray, room: int) -> np.ndarray:
    """Whole numbers, one per unit, as proportional to `weights` as can be; they sum to `total`, each at most `room`.

    `weights` are not negative; the largest remainders round up.
    """
    counts = np.zeros(weights.shape, np.int64)
    weights = np.maximum(weights, 1e-12)
    while (left := total - int(counts.sum())) > 0:
        open_ = np.flatnonzero(counts < room)
        ideal = np.minimum(weights[open_] * (left / weights[open_].sum()), room - counts[open_])
        whole = np.floor(ideal).astype(np.int64)
        if whole.sum() == 0:
            top = np.argsort(whole - ideal, kind="stable")[:left]
            whole[top] = 1
        counts[open_] += whole
    return counts
