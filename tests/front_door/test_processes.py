"""A library call leaves nothing behind that forks, new processes or threads of the caller's program stumble over."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from front_door.cases import ENVIRONMENT

from accelsim import shipped
from accelsim.arch.registry import kinds, load_arch

PROGRAM = """
import multiprocessing, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import accelsim

ARCHS = {archs}

def cycles(arch):
    rng = np.random.default_rng(1)
    weight = (rng.integers(-9, 10, (16, 8, 3, 3)) * (rng.random((16, 8, 3, 3)) < 0.4)).astype(np.int8)
    image = (rng.integers(0, 10, (1, 8, 12, 12)) * (rng.random((1, 8, 12, 12)) < 0.5)).astype(np.int8)
    layers = [accelsim.conv2d("conv", weight, image, padding=1),
              accelsim.linear("fc", weight.reshape(16, 72), image.reshape(1, -1)[:, :72])]
    return [accelsim.simulate(layer, arch).cycles for layer in layers]

if __name__ == "__main__":
    wanted = [cycles(arch) for arch in ARCHS]  # kernels have run here before
    how = sys.argv[1]
    if how == "threads":
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(cycles, ARCHS * 4))
        assert found == wanted * 4
    else:
        with multiprocessing.get_context(how).Pool(2) as pool:
            assert pool.map(cycles, ARCHS, chunksize=1) == wanted
            if how == "fork":
                assert [cycles(arch) for arch in ARCHS] == wanted  # and the parent goes on
    print("as before")
"""


def archs() -> list[str]:
    """One preset of every kind."""
    found: dict[str, str] = {}
    for name in shipped.names("arch"):
        found.setdefault(type(load_arch(name)).kind, name)
    dense = {"a100_1_4": "a100_dense"}  # runs layers that are not N:M
    assert set(found) == set(kinds())
    return [dense.get(name, name) for name in found.values()]


@pytest.mark.parametrize(("how", "layer"), [("fork", ""), ("spawn", ""), ("threads", ""), ("threads", "workqueue")])
def test_every_kind(tmp_path: Path, how: str, layer: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("{archs}", repr(archs())))
    environment = ENVIRONMENT | ({"NUMBA_THREADING_LAYER": layer} if layer else {})
    process = subprocess.Popen([sys.executable, str(program), how], env=environment, cwd=tmp_path, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the pool's children, too
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "as before\n"), err[-2000:]
    assert "OpenMP" not in err
