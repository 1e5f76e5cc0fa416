"""Does every policy of every machine give the same, on one worker or two and in every process?"""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from arch.small import kind_of, our_kinds, small_designs

import accelsim
from accelsim import testing
from accelsim.arch.registry import machine

ARCHS = [{"arch": small.arch, "set": dict(small.set)} for name, small in small_designs().items()
         if not small.may_not_fit]
REFUSED = {(kind_of(name), policy) for name, small in small_designs().items() for policy in small.refused_by}


def trace() -> accelsim.Trace:
    rng = np.random.default_rng(3)
    return accelsim.Trace([accelsim.conv2d("c", testing.tensor(rng, (6, 4, 3, 3), 0.4, hollow=True),
                                           testing.tensor(rng, (1, 4, 9, 9), 0.5, hollow=True), padding=1),
                           accelsim.linear("l", testing.tensor(rng, (20, 32), 0.3), testing.tensor(rng, (2, 32), 0.5))],
                          name="both")


def test_on_one_worker_and_on_two():
    pytest.importorskip("distributed", reason="sweeps need the extra 'cluster'")
    study = {"archs": ARCHS, "policies": "all"}
    one, two = (accelsim.sweep(study, workers=workers, traces=[trace()]).rows for workers in (1, 2))
    assert one == two
    assert {(row["kind"], row["policy"]) for row in one} >= {
        (kind, policy) for kind in {row["kind"] for row in one} for policy in machine(kind).policies}
    assert {row["kind"] for row in one} == set(our_kinds())
    failed = {(row["kind"], row["policy"]) for row in one if row["status"] == "failed"}
    assert failed == REFUSED


PROGRAM = """
import accelsim
from accelsim.arch.registry import machine
from accelsim.yaml import digest_of
from accelsim.errors import UnsupportedLayerError
from study_everywhere import ARCHS, trace
for design in ARCHS:
    config = accelsim.load_arch(design["arch"], design["set"])
    for name, policy in machine(config.kind).policies.items():
        try:
            result = accelsim.simulate(trace(), config, policy=name)
            print(config.kind, name, result.cycles, digest_of(result.to_dict()))
        except UnsupportedLayerError as error:
            print(config.kind, name, error)
"""


def test_in_every_process(tmp_path):
    shutil.copy(__file__, tmp_path / "study_everywhere.py")
    root = os.path.dirname(os.path.dirname(accelsim.__file__))
    outputs = set()
    for seed in ("0", "1"):
        places = os.pathsep.join([root, str(tmp_path), os.path.join(root, "tests")])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": places}
        outputs.add(subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True,
                                   check=True).stdout)
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == sum(len(machine(accelsim.load_arch(design["arch"]).kind).policies)
                                                  for design in ARCHS)
