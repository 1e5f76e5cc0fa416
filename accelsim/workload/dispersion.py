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
    return logistic(log_odds + shift_to(log_odds, mean))


def shift_to(log_odds: np.ndarray, mean: float) -> float:
    """The shift of `log_odds` that makes the mean of their densities `mean`, by bisection to the last bit.

    The mean rises with the shift. So a middle that lies further from the root than rounding reaches needs no look at
    all the densities: `_narrow` finds an interval outside which the answer is known.
    """
    known: dict[float, float] = {}
    odds, density = np.empty_like(log_odds), np.empty_like(log_odds)

    def mean_at(shift: float) -> float:
        if shift not in known:
            np.add(log_odds, shift, out=odds)
            known[shift] = float(logistic(odds, out=density).mean())
        return known[shift]

    below, above = _narrow(mean_at, mean, log_odds)
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        rises = middle < below or (middle <= above and mean_at(middle) < mean)
        low, high = (middle, high) if rises else (low, middle)
    return (low + high) / 2


def _narrow(mean_at: Callable[[float], float], mean: float, log_odds: np.ndarray) -> tuple[float, float]:
    """Shifts below and above which `mean_at` is certainly under, or over, `mean`; all shifts where none were found."""
    odds, shift, slope = log_odds.astype(np.float32).reshape(-1), float(np.log(mean / (1 - mean))), 0.0
    for sample, times in ((odds[::61], 8), (odds, 2)):  # Newton's method, in single precision at first
        for _ in range(times):
            density = logistic(sample + np.float32(shift))
            found = float(density.mean())
            slope = found - float(np.square(density).mean())
            if slope < 1e-6 or abs(found - mean) > 20 * slope:
                return -np.inf, np.inf
            shift += (mean - found) / slope
    reach = (2e-15 + 1e-14 * mean) / slope  # more than rounding can move two means of densities
    for _ in range(6):
        step = (mean - mean_at(shift)) / slope
        shift += step
        if abs(step) < reach and abs(shift) < 59:  # the next step would be as much smaller again
            return shift - reach, shift + reach
    return -np.inf, np.inf



def logistic(log_odds: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow. With `out` it is written there, and `log_odds` is overwritten."""
    half = np.multiply(0.5, log_odds, out=None if out is None else log_odds)
    density: np.ndarray = np.tanh(half, out=out)
    density += 1
    density *= 0.5
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
