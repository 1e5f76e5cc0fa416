"""What lies behind SCNN's published figures: which of its unpublished choices moves them."""

import pytest

from accelsim.arch.planar.scnn.claims import googlenet
from accelsim.validation.measured import measured


@pytest.mark.slow
def test_groups_as_large_as_the_accumulators_move_the_density_of_equal_speed_to_80_percent():
    """75 % with the preset's groups of 8 filters, 85 % published."""
    speed = {}
    for density in (.80, .85):
        trace = googlenet(density)
        speed[density] = measured(trace, "dcnn").cycles / measured(trace, "scnn", kc_max=0).cycles
    assert speed[.85] < .95
    assert speed[.80] == pytest.approx(1, abs=.02)
