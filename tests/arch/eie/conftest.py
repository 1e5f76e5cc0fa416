"""Where the EIE tests find third-party data with known answers; it is not part of the repository."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def golden() -> Path:
    """The folder of golden data: beside the checkout (`shared/golden`), or what ACCELSIM_GOLDEN names."""
    beside_checkout = Path(__file__).resolve().parents[4] / "shared" / "golden"
    return Path(os.environ.get("ACCELSIM_GOLDEN", beside_checkout))
