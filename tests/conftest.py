"""Hypothesis profiles, and where third-party data with known answers lie (they are not part of the repository)."""

import configparser
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear

os.environ["ACCELSIM_PROGRESS"] = "0"  # a first compile is no part of what a command says; see test_threads.py
settings.register_profile("default", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("tiny", max_examples=4, deadline=None, derandomize=True)  # without the JIT all is slow
settings.register_profile("full", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("ACCELSIM_PROFILE", "default"))


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if getattr(getattr(item, "function", None), "small", False):  # those of accelsim.testing
            item.add_marker("small")


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of golden data: beside the checkout (`shared/golden`), or what ACCELSIM_GOLDEN names."""
    beside_checkout = Path(__file__).resolve().parents[2] / "shared" / "golden"
    return Path(os.environ.get("ACCELSIM_GOLDEN", beside_checkout))


@pytest.fixture(scope="session")
def example_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds examples/inner_join as pip would install it: the package, and its entry points."""
    source = Path(__file__).resolve().parents[1] / "examples" / "inner_join"
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(source / "inner_join", site / "inner_join", ignore=shutil.ignore_patterns("__pycache__"))
    setup = configparser.ConfigParser(delimiters="=")
    setup.read(source / "setup.cfg", encoding="utf-8")
    info = site / f"accelsim_inner_join-{setup['metadata']['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {setup['metadata']['name']}\n"
                                   f"Version: {setup['metadata']['version']}\n", encoding="utf-8")
    entries = [f"[{group}]\n{names.strip()}\n" for group, names in setup["options.entry_points"].items()]
    (info / "entry_points.txt").write_text("".join(entries), encoding="utf-8")
    return site


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
