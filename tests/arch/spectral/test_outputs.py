"""What spectral machines compute, and what they refuse."""

import numpy as np
import pytest
from arch.spectral.designs import one_of
from hypothesis import given

import accelsim
from accelsim import UnsupportedLayerError, load_arch
from accelsim.arch.registry import machine
from accelsim.testing.small_layers import layers


@given(layer=layers(size=6), size=one_of(8, 16))
def test_with_every_value_kept_the_output_is_the_convolutions(layer, size):
    """Within 1e-9 of the largest value: complex arithmetic in float64."""
    wanted = layer.output()
    run = machine("spectral_cnn").reference(
        layer, load_arch("spectral_cnn", {"alpha": 1, "fft_size": size, "parallel_kernels": 3, "parallel_tiles": 2}),
        machine("spectral_cnn").policies["max_cover"])
    np.testing.assert_allclose(run.output, wanted, rtol=0, atol=1e-9 * max(1, np.abs(wanted).max()))


def test_kernels_beyond_a_transform_are_refused_with_the_way_out():
    layer = accelsim.conv2d("c", np.ones((1, 1, 5, 5), np.int8), np.ones((1, 1, 8, 8), np.int8))
    with pytest.raises(UnsupportedLayerError, match=r"5 x 5 do not fit transforms of 4 x 4; give fft_size at least 5"):
        accelsim.simulate(layer, "spectral_cnn", set={"fft_size": 4})
