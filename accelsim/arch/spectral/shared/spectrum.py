"""Spectra of kernels, and which of their values are kept. Rules 6 to 9 of docs/machines/spectral.md."""

import numpy as np

POWER_UNIT = 1 << 24


def spectra(weight: np.ndarray, dilation: tuple[int, int], fft_size: int) -> np.ndarray:
    """[..., u, v] complex of kernels [..., taps, taps]: flipped, dilated, filled up with zeros."""
    filled = np.zeros((*weight.shape[:-2], fft_size, fft_size))
    rows, cols = (d * (n - 1) + 1 for d, n in zip(dilation, weight.shape[-2:], strict=True))
    filled[..., :rows:dilation[0], :cols:dilation[1]] = weight[..., ::-1, ::-1]
    return np.fft.fft2(filled)


def powers(weight: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """[..., u, v] int64: the power of each value, in whole parts of the largest one possible."""
    largest = np.abs(weight.astype(np.int64)).sum(axis=(-2, -1))[..., None, None].astype(float) ** 2
    squared = spectrum.real ** 2 + spectrum.imag ** 2
    share = np.divide(squared, largest, out=np.zeros_like(squared), where=largest > 0)
    return np.rint(POWER_UNIT * share).astype(np.int64)


def kept_values(power: np.ndarray, kept: int) -> np.ndarray:
    """[..., kept] ascending places u x K + v of the largest powers [..., u, v], of equal ones the lowest places."""
    flat = power.reshape(*power.shape[:-2], -1)
    order = np.argsort(-flat, axis=-1, kind="stable")[..., :kept]
    return np.sort(order, axis=-1)
