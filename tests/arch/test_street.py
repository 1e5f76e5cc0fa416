"""Does a new machine need its own folders and nothing else, and do the two wings of a machine stay apart?

Both are tried on a copy of the checkout, so that nothing of this one changes.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from arch.small import our_kinds

from accelsim.arch.registry import kinds, machine

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "inner_join"
COPIED = ("accelsim", "arch_configs", "docs", "tests", "traces", "workloads", "reports", "README.md", "setup.py",
          "setup.cfg", "pyproject.toml", "LICENSE", "Makefile")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    copy = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


def run(checkout: Path, *command: str, fails: bool = False) -> str:
    """What a command printed that sees this copy of accelsim."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(checkout), str(checkout / "tests")])}
    done = subprocess.run([sys.executable, *command], cwd=checkout, env=environment, capture_output=True, text=True,
                          check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def with_machine(checkout: Path) -> Path:
    """The copy with the machine of examples/inner_join as one of ours: folders of its own name, no line elsewhere."""
    place = checkout / "accelsim" / "arch" / "joins" / "inner_join"
    shutil.copytree(EXAMPLE / "inner_join", place, ignore=shutil.ignore_patterns("__pycache__", "snake.py"))
    (place.parent / "__init__.py").write_text('"""A family."""\n')
    for file in place.rglob("*.py"):
        file.write_text(file.read_text().replace("inner_join.fast", "accelsim.arch.joins.inner_join.fast"))
    descriptor = place / "machine.py"
    text = descriptor.read_text().replace("import BUSY, Count", "import BUSY, About, Count")
    descriptor.write_text(text.replace("    slot = ", "    about = About(" + ", ".join(
        f"{name}='of {name}'" for name in ("title", "paper", "slots", "skips", "good_for", "equal", "abstracted",
                                           "policy", "bound", "tile", "waits")) + ")\n    slot = "))
    (place / "fast" / "events.py").write_text(EVENTS)
    design = (EXAMPLE / "inner_join_32.yaml").read_text().replace("inner_join_45nm.yaml", "inner_join_45nm")
    (checkout / "arch_configs" / "inner_join.yaml").write_text(design)
    shutil.copy(EXAMPLE / "inner_join_45nm.yaml", checkout / "arch_configs" / "energy")
    tests = checkout / "tests" / "arch" / "inner_join"
    tests.mkdir()
    (tests / "test_conformance.py").write_text(CONFORMANCE)
    (checkout / "docs" / "machines" / "inner_join.md").write_text("# The rules\n")
    return checkout


EVENTS = '''"""Of each vector: the broadcast, a PE's rows, and its wait at the barrier."""

import numpy as np

from accelsim.arch.activity import Activity, Chunk
from accelsim.arch.joins.inner_join.fast.kernel import work
from accelsim.workload.lowering import kept_products

BROADCAST, BARRIER, ROWS = 2, 3, 4


def events(layer, config, policy, window):
    pes, time, slices, parts = np.arange(config.pes), 0, [], []
    for product in kept_products(layer):
        pairs, empty = work(product.matrix != 0, product.vectors != 0, policy(product.matrix, config.pes), config.pes)
        for busy, idle in zip(pairs, empty):
            begin, last = time + 1, time + 1 + (busy + idle).max()
            for name, low, high in ((BROADCAST, pes * 0 + time, pes * 0 + begin), (ROWS, pes * 0 + begin,
                                    begin + busy + idle), (BARRIER, begin + busy + idle, pes * 0 + last)):
                slices.append(np.stack([pes, np.full_like(pes, name), low, high], axis=1))
                parts.append(np.stack([busy, idle, pes * 0, pes * 0], axis=1) * (name == ROWS))
            time = int(last)
    every, of_each = np.concatenate(slices), np.concatenate(parts)
    real = every[:, 3] > every[:, 2]
    chunk = Chunk(every[real], np.zeros((int(real.sum()), 0), np.int64), time, of_each[real])
    return Activity([f"PE {pe}" for pe in pes], np.ones(len(pes), np.int64), ["rows"], [], iter([chunk]))
'''
CONFORMANCE = '''"""The conformance suite on a few designs."""

from hypothesis import strategies as st

from accelsim import load_arch, testing


class TestInnerJoin(testing.MachineConformance):
    kind = "inner_join"

    def configs(self):
        return st.builds(lambda pes: load_arch("inner_join", {"pes": pes}), st.integers(1, 8))

    def some_configs(self):
        return [load_arch("inner_join", {"pes": pes}) for pes in (1, 3)]
'''


def test_a_new_machine_is_listed_runs_and_sweeps(with_machine, tmp_path):
    cli = ("-m", "accelsim.cli")
    assert "inner_join" in run(with_machine, *cli, "list", "archs")
    assert "inner_join" in run(with_machine, *cli, "run", "digits_cnn", "--arch", "inner_join", "--timeline",
                               str(tmp_path / "timeline.json"), "--timeline-window", "0:500")
    study = tmp_path / "study.yaml"
    study.write_text("traces: [digits_cnn]\narchs: [inner_join]\nset: {pes: [4, 8]}\n")
    run(with_machine, *cli, "sweep", str(study), "--output", str(tmp_path / "s.sqlite"), "--workers", "1")


def test_a_new_machine_is_in_the_documents(with_machine):
    run(with_machine, "docs/tables.py")
    for page in ("README.md", "docs/README.md", "docs/stalls.md", "docs/machines/README.md", "docs/memory.md"):
        assert "inner_join" in (with_machine / page).read_text(encoding="utf-8"), page


def test_a_new_machine_passes_the_conformance_suite(with_machine):
    run(with_machine, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/arch/inner_join",
        )


@pytest.mark.slow
def test_a_new_machine_is_in_the_wheel(with_machine, tmp_path):
    run(with_machine, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), ".")
    inside = zipfile.ZipFile(next(tmp_path.glob("accelsim-*.whl"))).namelist()
    assert "accelsim/arch/joins/inner_join/fast/kernel.py" in inside
    assert "accelsim/shipped_data/arch_configs/inner_join.yaml" in inside


def test_every_machine_says_what_it_is():
    for kind in our_kinds():
        about = machine(kind).about
        assert about.title
        assert about.paper
        assert (ROOT / "docs" / "machines" / f"{kind}.md").is_file()
        assert (ROOT / "tests" / "arch" / kind / "test_conformance.py").is_file()


def test_planted_imports_break_the_contracts(checkout):
    """For every machine at once: its kernel imports its reference, or its reference its kernel."""
    for wing, other in (("fast", "reference"), ("reference", "fast")):
        for kind in our_kinds():
            home = kinds()[kind].removesuffix(".machine")
            file = checkout / home.replace(".", "/") / wing / "__init__.py"
            file.write_text(file.read_text() + f"\nimport {home}.{other} as planted  # noqa\n")
        said = run(checkout, "-c", "import importlinter.cli as c, sys; sys.exit(c.lint_imports(no_cache=True))",
                   fails=True)
        for kind in our_kinds():
            home = kinds()[kind].removesuffix(".machine")
            assert f"{home}.{wing} is not allowed to import" in " ".join(said.split()), (kind, wing)
            file = checkout / home.replace(".", "/") / wing / "__init__.py"
            file.write_text(file.read_text().partition(f"\nimport {home}.{other} as planted")[0])
