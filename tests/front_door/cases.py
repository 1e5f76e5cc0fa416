"""One batch of fuzzing in a process of its own, under limits of time and memory.

    PYTHONPATH=tests python -m front_door.cases traces 0 500     # cases 0..499, in the current folder: use an empty one

prints a JSON report. A case is a number: the same number is the same case, so a failure is repeated by naming it.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from front_door.messages import LONGEST_MESSAGE, check_message
from front_door.mutations import command_line, mutated_yaml
from front_door.study_cases import stores, studies
from front_door.trace_mutations import mutated_trace
from typer.testing import CliRunner

import accelsim
from accelsim import shipped
from accelsim.cli import app
from accelsim.hw.energy import load_energy_table
from accelsim.report import files
from accelsim.report.workloads import trace_text

CASE_SECONDS = 10.0
MEMORY_BYTES = 1 << 30  # that a batch may add to what the warm process holds
ROOTS = [str(Path(accelsim.__file__).parents[1]), str(Path(__file__).parents[1])]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(ROOTS)}  # of processes that the tests start
OUTPUTS = {"result.json", "layers.csv", "table.txt"}


class HangError(BaseException):
    """A case took too long; not an Exception, so that no handler of the code under test takes it for its own."""


def sound_traces() -> list[accelsim.Trace]:
    """Small traces that between them hold every operator, encoding and optional part."""
    rng = np.random.default_rng(7)

    def values(*shape: int, dtype: Any = np.int8) -> np.ndarray:
        return (rng.integers(-9, 10, shape) * (rng.random(shape) < 0.5)).astype(dtype)

    conv = accelsim.conv2d("conv", values(4, 1, 3, 2), values(2, 2, 5, 6), stride=(2, 1), padding=1, groups=2,
                           bias=values(4))
    fc = accelsim.linear("fc", values(5, 12), values(3, 12, dtype=np.int16), values(5))
    attention = accelsim.matmul("attention", values(2, 4, 3), values(2, 5, 3))
    pattern = accelsim.linear("pattern", values(7, 9) != 0, values(9) != 0, values(7) != 0)
    sparse = accelsim.linear("sparse", values(40, 60) * (rng.random((40, 60)) < 0.1), rng.random((20, 60)) < 0.1)
    made_by = {"script": "none", "seed": 7, "pruned": {"fc": 0.5}}
    return [accelsim.Trace([conv, fc], "tiny", made_by=made_by), accelsim.Trace([pattern], "pattern"),
            accelsim.Trace([attention, fc, conv, sparse], "several", edges=[("attention", "conv"), ("fc", "conv")],
                           made_by=made_by)]


def configs() -> Iterator[Callable[[Random], str]]:
    """Mutated architectures and energy tables: the loaders, then a simulation of what is sound."""
    texts = [(load, shipped.find(shelf, name).read_text(encoding="utf-8"))
             for shelf,
             load in (("arch", accelsim.load_arch), ("energy", load_energy_table)) for name in shipped.names(shelf)]
    tiny, file = sound_traces()[0], Path("case.yaml")

    def case(rng: Random) -> str:
        load, text = rng.choice(texts)
        file.write_bytes(mutated_yaml(rng, text))
        try:
            loaded = load(str(file))
        except accelsim.AccelsimError as error:
            check_message(error, accelsim.ConfigError, "case.yaml")
            return "refused"
        json.dumps(loaded.model_dump(mode="json"), allow_nan=False)
        changes = {"energy_table": str(file)} if load is load_energy_table else None
        try:
            results = [accelsim.simulate(tiny, "eie" if changes else loaded, set=changes)]
        except accelsim.UnsupportedLayerError as error:  # a sound design that cannot hold the layer, or wants N:M
            check_message(error, accelsim.UnsupportedLayerError, "layer '")
            return "refused later"
        except accelsim.AccelsimError as error:  # an energy table that is not there, or lacks an action
            check_message(error, accelsim.ConfigError, "energy table")
            return "refused later"
        files.as_json(results), files.as_csv(results), files.as_table(results)
        return "worked"

    yield case


def traces() -> Iterator[Callable[[Random], str]]:
    """Mutated traces: `load_trace`, then everything that reads a trace."""
    sound, file = [], Path("case.safetensors")
    for trace in sound_traces():
        trace.save(file)
        sound.append(file.read_bytes())

    def case(rng: Random) -> str:
        file.write_bytes(mutated_trace(rng, rng.choice(sound)))
        try:
            trace = accelsim.load_trace(file)
        except accelsim.AccelsimError as error:
            check_message(error, accelsim.TraceError, "case.safetensors")
            return "refused"
        trace_text(trace)
        files.as_json([accelsim.simulate(trace)])
        assert trace.save("again.safetensors").is_file()
        return "worked"

    yield case


def command_lines() -> Iterator[Callable[[Random], str]]:
    """Random command lines, in process."""
    runner = CliRunner()
    furnish(Path())
    before = set(Path().rglob("*"))

    def case(rng: Random) -> str:
        words = command_line(rng)
        result = runner.invoke(app, words)
        try:
            check_outcome(words, result.exit_code, result.stdout, result.stderr)
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            check_folders(set(Path().rglob("*")) - before)
        except AssertionError as error:
            raise AssertionError(f"{words!r:.500}: {error}") from None
        finally:
            for path in sorted(set(Path().rglob("*")) - before):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        return "worked" if result.exit_code == 0 else "refused"

    yield case


def furnish(folder: Path) -> None:
    """The files that `mutations.command_line` speaks of."""
    tiny, pattern, _ = sound_traces()
    tiny.save(folder / "tiny.safetensors")
    pattern.save(folder / "pattern.safetensors")
    (folder / "cut.safetensors").write_bytes((folder / "tiny.safetensors").read_bytes()[:-3])
    (folder / "floats.safetensors").write_bytes(
        b'\x40\0\0\0\0\0\0\0{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'.ljust(72) + b"\0\0\xc0\x7f")
    for empty in ("empty.safetensors", "nothing.yaml", "file.txt"):
        (folder / empty).touch()
    preset = shipped.find("arch", "eie").read_text(encoding="utf-8")
    (folder / "design.yaml").write_text(preset.replace("name: eie", "name: mine"), encoding="utf-8")
    (folder / "cut.yaml").write_text(preset[:-200], encoding="utf-8")
    (folder / "list.yaml").write_text("- kind: eie\n", encoding="utf-8")
    (folder / "bomb.yaml").write_text("a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]\n", encoding="utf-8")
    for sub in ("folder", "folder.safetensors", "taken/layers.csv"):
        (folder / sub).mkdir(parents=True)
    for link in ("loop", "loop.safetensors", "loop.yaml"):
        (folder / link).symlink_to(link)
    os.mkfifo(folder / "pipe")


def check_outcome(words: list[str], status: int, stdout: str, stderr: str) -> None:
    """A command line works, or ends with status 2 and one clear error on stderr alone."""
    assert "Traceback" not in stdout + stderr, stderr[-2000:]
    assert "\x1b" not in stdout + stderr, f"an escape reaches the terminal: {stderr!r:.300}"
    if status == 0:
        assert not stderr, f"works, yet says {stderr[:300]}"
        if words[:1] == ["run"] and "json" in words and "{" in stdout[:1]:
            json.loads(stdout)
        return
    assert status == 2, f"status {status}: {stderr[-1000:]}"
    if not any(words):  # the bare command shows its help
        return
    assert not stdout, f"fails, yet prints {stdout[:300]}"
    errors = stderr.count("accelsim: error: ") + stderr.count("─ Error ─")  # ours, and those of the option parser
    assert errors == 1, f"{errors} errors: {stderr[:600]}"
    assert len(stderr) <= 2 * LONGEST_MESSAGE, f"{len(stderr)} characters of error: {stderr[:300]}"


def check_folders(new: set[Path]) -> None:
    """What a run leaves: whole sets of three files in folders, and nothing else."""
    found = Counter(path.parent for path in new if path.is_file())
    strays = [str(path) for path in new
              if (path.is_file() and path.name not in OUTPUTS) or path.name.startswith(".accelsim")]
    assert not strays, f"leaves {strays}"
    assert set(found.values()) <= {3}, f"leaves parts: {sorted(map(str, new))}"


KINDS = {"configs": configs, "traces": traces, "command_lines": command_lines, "studies": studies, "stores": stores}


def _ring(*_: Any) -> None:
    raise HangError(f"took over {CASE_SECONDS:g} s")


def _limit_memory() -> None:
    with contextlib.suppress(OSError):  # where there is no /proc, peak memory is still checked by the test
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def peak_bytes() -> int:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run_batch(kind: str, first: int, count: int) -> dict[str, Any]:
    """Cases first..first+count-1: how many ended how, what failed, the slowest, and the memory added."""
    for trace in sound_traces():
        for name in shipped.names("arch"):
            with contextlib.suppress(accelsim.UnsupportedLayerError):  # a structured machine, an unstructured layer
                accelsim.simulate(trace, name)  # compiles, which is none of the cases' time and memory
    case, outcomes, failures, slowest = next(KINDS[kind]()), Counter[str](), {}, (0.0, -1)
    _limit_memory()
    signal.signal(signal.SIGALRM, _ring)
    before = peak_bytes()
    for number in range(first, first + count):
        started = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
        try:
            outcomes[case(Random(f"{kind} {number}"))] += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of a Rust library is no Exception
            failures[number] = "".join(traceback.format_exception(error))[-1500:]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        slowest = max(slowest, (time.monotonic() - started, number))
    return {"outcomes": outcomes, "failures": failures, "slowest": slowest, "added_bytes": peak_bytes() - before}


if __name__ == "__main__":
    print(json.dumps(run_batch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
