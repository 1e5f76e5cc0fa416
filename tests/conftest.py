"""Hypothesis profiles, and where third-party data with known answers lie (they are not part of the repository)."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from accelsim.workload.layer import Layer, linear

settings.register_profile("default", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("tiny", max_examples=4, deadline=None, derandomize=True)  # without the JIT all is slow
settings.register_profile("full", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("ACCELSIM_PROFILE", "default"))


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of golden data: beside the checkout (`shared/golden`), or what ACCELSIM_GOLDEN names."""
    beside_checkout = Path(__file__).resolve().parents[2] / "shared" / "golden"
    return Path(os.environ.get("ACCELSIM_GOLDEN", beside_checkout))


@pytest.fixture
def alex8(golden: Path) -> Layer:
    """AlexNet FC8 as EIE's authors ship it, with weight codes 1..15 as weights (cycles see the non-zeros alone)."""
    file = golden / "eie_alex8" / "alex8.npz"
    if not file.is_file():
        pytest.skip(f"the EIE authors' Alex-8 data are not redistributable and not at {file}; set ACCELSIM_GOLDEN")
    data = np.load(file)
    activation = np.round(data["activation"] * 1000).astype(np.int16)
    assert np.count_nonzero(activation) == 1759  # rounding lost none
    return linear("alex8", data["weight_code"].astype(np.int8), activation, data["bias_code"].astype(np.int32))
