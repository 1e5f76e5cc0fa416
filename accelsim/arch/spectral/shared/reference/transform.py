"""Discrete Fourier transforms by their definition, and the spectra of kernels of which few values are kept."""

import cmath
from dataclasses import dataclass
from functools import cache

import numpy as np


@cache
def _roots(size: int, sign: int) -> np.ndarray:
    """[u, a]: exp(sign 2 pi i u a / size)."""
    return np.array([[cmath.exp(sign * 2j * cmath.pi * (u * a % size) / size) for a in range(size)]
                     for u in range(size)])


def transformed(square: np.ndarray) -> np.ndarray:
    """The transform of a square of values."""
    roots = _roots(len(square), -1)
    result: np.ndarray = roots @ square @ roots.T
    return result


def transformed_back(square: np.ndarray) -> np.ndarray:
    """The inverse transform."""
    roots = _roots(len(square), 1)
    result: np.ndarray = roots @ square @ roots.T / square.size
    return result


@dataclass(frozen=True)
class KeptKernel:
    """values: by place u x K + v, ascending; live: places whose power is not 0."""

    values: dict[int, complex]
    live: frozenset[int]


def kept_kernel(taps: np.ndarray, dilation: tuple[int, int], size: int, kept: int) -> KeptKernel:
    """The `kept` values of largest power of a kernel's spectrum; of equal powers the lowest places."""
    filled = np.zeros((size, size))
    rows, cols = taps.shape
    for i, j in np.ndindex(rows, cols):
        filled[dilation[0] * i, dilation[1] * j] = taps[rows - 1 - i, cols - 1 - j]
    spectrum = transformed(filled).reshape(-1)
    largest = int(np.abs(taps).sum()) ** 2
    power = [round(2 ** 24 * (f.real * f.real + f.imag * f.imag) / largest) if largest else 0 for f in spectrum]
    places = sorted(sorted(range(len(power)), key=lambda place: (-power[place], place))[:kept])
    return KeptKernel({place: complex(spectrum[place]) for place in places},
                      frozenset(place for place in places if power[place]))
