"""`accelsim warm`: what it compiles is what a run needs, and two at once are no danger."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accelsim.arch.registry import kinds
from accelsim.cli import app
from accelsim.warming import checked_kinds, designs_of

COUNT_COMPILED = """
import sys
from importlib import import_module
import accelsim
event, compiled = import_module("numba.core.event"), []
class Listener(event.Listener):
    def on_start(self, said): compiled.append(str(said.data["dispatcher"]))
    def on_end(self, said): pass
event.register("numba:compile", Listener())
accelsim.simulate("digits_cnn", sys.argv[1])
print(len(compiled), compiled)
"""


def test_two_at_once_leave_a_run_nothing_to_compile(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    both = [subprocess.Popen([sys.executable, "-m", "accelsim.cli", "warm", "dcnn"], env=environment,
                             stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        assert out.startswith("dcnn: ready (")
    done = subprocess.run([sys.executable, "-c", COUNT_COMPILED, "dcnn"], env=environment, capture_output=True,
                          text=True, check=True, timeout=300)
    assert done.stdout == "0 []\n"


def test_unknown_kinds_are_refused() -> None:
    done = CliRunner().invoke(app, ["warm", "eie", "sacnn"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no kind of machine is called 'sacnn'" in done.stderr


def test_all_kinds_by_default() -> None:
    assert checked_kinds([]) == sorted(kinds())
    assert checked_kinds(["scnn", "eie", "scnn"]) == ["scnn", "eie"]


@pytest.mark.parametrize("kind", sorted(k for k, module in kinds().items() if module.startswith("accelsim.")))
def test_every_kind_has_a_design_to_warm(kind: str) -> None:
    assert designs_of(kind)
