"""A library call leaves nothing behind that forks, new processes or threads of the caller's program stumble over."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from arch.small import kind_of, small_designs
from front_door.cases import ENVIRONMENT

from accelsim.arch.registry import kinds

PROGRAM = """
import multiprocessing, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import accelsim

ARCHS = {archs}

def cycles(design):
    arch, policy = design
    rng = np.random.default_rng(1)
    weight = (rng.integers(-9, 10, (16, 8, 3, 3)) * (rng.random((16, 8, 3, 3)) < 0.4)).astype(np.int8)
    image = (rng.integers(0, 10, (1, 8, 12, 12)) * (rng.random((1, 8, 12, 12)) < 0.5)).astype(np.int8)
    layers = [accelsim.conv2d("conv", weight, image, padding=1),
              accelsim.linear("fc", weight.reshape(16, 72), image.reshape(1, -1)[:, :72])]
    return [accelsim.simulate(layer, arch, policy=policy).cycles for layer in layers]

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


def archs() -> list[tuple[str, str | None]]:
    """A preset of every kind, and a policy that takes any layer."""
    plain = {kind_of(name): (small.arch, small.policy) for name, small in reversed(small_designs().items())}
    assert set(plain) == set(kinds())
    return sorted(plain.values(), key=str)


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
