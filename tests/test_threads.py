"""Layers on several cores: the same numbers, the same errors, and what is said meanwhile."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from arch.small import small_designs
from typer.testing import CliRunner

import accelsim
from accelsim import ConfigError, UnsupportedLayerError
from accelsim.cli import app
from accelsim.cores import in_threads
from accelsim.report import compiling, progress
from accelsim.testing import tensor


def network() -> accelsim.Trace:
    rng = np.random.default_rng(3)
    layers = [accelsim.conv2d(f"conv{i}", tensor(rng, (8, 4, 3, 3), 0.4),
                              tensor(rng, (1, 4, 5 + i, 6), 0.5, signed=False), padding=1) for i in range(4)]
    return accelsim.Trace([*layers, accelsim.linear("fc", tensor(rng, (9, 20), 0.3), tensor(rng, (20,), 0.6))])


@pytest.mark.parametrize("name", sorted(small_designs()))
def test_any_number_of_threads_gives_the_same(name):
    small = small_designs()[name]
    wanted = outcome(small, 1)
    for threads in (2, 7, None):
        assert outcome(small, threads) == wanted


def outcome(small, threads):
    """The result as plain data, or what the machine refuses the network with."""
    try:
        return accelsim.simulate(network(), small.config(), policy=small.policy, threads=threads).to_dict()
    except (UnsupportedLayerError, accelsim.CapacityError) as error:
        return str(error)


def test_the_first_error_in_order_is_raised():
    def work(item):
        time.sleep(0.01 * (3 - item))  # the last fails first
        raise ValueError(item)

    with pytest.raises(ValueError, match=r"^0$"):
        in_threads(work, range(3), 3, size=float)


def test_results_are_in_the_order_of_the_items():
    assert in_threads(lambda item: item * 10, range(20), 4, size=lambda item: item) == list(range(0, 200, 10))


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", 1 << 20])
def test_wrong_numbers_of_threads(threads):
    with pytest.raises(ConfigError, match=r"threads is .* wanted a whole number from 1 to 1024, or nothing"):
        accelsim.simulate("digits_cnn", threads=threads)


def test_command_line():
    one, two, none = (CliRunner().invoke(app, ["run", "digits_cnn", "--arch", "eie", "--threads", n]) for n in "120")
    assert (one.exit_code, one.stdout) == (0, two.stdout)
    assert (none.exit_code, none.stdout) == (2, "")
    assert "threads is 0" in none.stderr


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setenv("ACCELSIM_PROGRESS", "1")


def test_progress_says_nothing_of_short_work(told, capsys):
    with progress.progress("work") as step:
        step(1, 2, "first")
    assert capsys.readouterr().err == ""


def test_progress_as_lines(told, capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with progress.progress("eie") as step:
        for done, at in enumerate((1.0, 3.0, 4.0, 15.0), start=1):
            now[0] = at
            step(done, 10, f"layer{done}")
    assert capsys.readouterr().err == ("eie: 2 of 10, layer2, about 12 s left\n"
                                       "eie: 4 of 10, layer4, about 22 s left\n")


def test_compiling_is_said_after_a_second(told, capsys, monkeypatch):
    monkeypatch.setattr(compiling, "BEGIN_S", 0.05)
    watch = compiling.CompileWatch("eie")
    for seconds in (0.01, 0.2):
        watch.start()
        time.sleep(seconds)
        watch.end()
    watch.close()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].startswith("compiling the kernels of eie for the first run, for 0 s so far")
    assert said[1].startswith("compiled in 0 s")


def test_short_compiling_is_not_said(told, capsys):
    watch = compiling.CompileWatch("eie")
    watch.start()
    watch.end()
    watch.close()
    assert capsys.readouterr().err == ""
