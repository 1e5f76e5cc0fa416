"""Does a real cluster (a scheduler and workers as processes of their own, over TCP) give what a local run gives?"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("distributed", reason="sweeps need the extra 'cluster'")

STUDY = """
set: {pes: [1, 2, 3, 4, 16, 64], queue_entries: [1, 3, 7], spmat_width_bits: [8, 64]}
policies: [greedy_nnz, mine]
"""
Processes = list["subprocess.Popen[str]"]


@pytest.fixture
def processes(environment, tmp_path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    running: Processes = []

    def started(*command: str) -> "subprocess.Popen[str]":
        running.append(subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE))
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


def scheduler_address(process: "subprocess.Popen[str]") -> str:
    for line in process.stderr:
        found = re.search(r"Scheduler at:\s+(tcp://\S+)", line)
        if found:
            return found.group(1)
    raise AssertionError("the scheduler did not start")


SCHEDULER = (sys.executable, "-m", "dask", "scheduler", "--port", "0", "--no-dashboard")


def worker(address: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "accelsim.cli", "worker", address, "--nthreads", "1", "--no-dashboard")


def rows(command: Callable[..., "subprocess.CompletedProcess[str]"], store: str) -> str:
    return command("results", store, "--format", "csv").stdout


def test_scheduler_and_two_workers_over_tcp(processes, accelsim_command, study_file):
    address = scheduler_address(processes(*SCHEDULER))
    for _ in range(2):
        processes(*worker(address))
    study = study_file(STUDY)
    assert "72 points: 72 finished" in accelsim_command("sweep", study, "--scheduler", address, "-o", "remote").stdout
    accelsim_command("sweep", study, "--workers", 2, "-o", "local")
    assert rows(accelsim_command, "remote") == rows(accelsim_command, "local")


def test_workers_may_come_late_and_one_may_be_lost(processes, start, accelsim_command, study_file, tmp_path):
    address = scheduler_address(processes(*SCHEDULER))
    study = study_file("set: {pes: [1, 2, 3, 4, 5, 6]}\npolicies: slow")
    sweep = start("sweep", study, "--scheduler", address, "-o", "s")
    time.sleep(1)
    first = processes(*worker(address), "--no-nanny")
    log = tmp_path / "odd.log"
    while not log.exists():
        time.sleep(0.05)
        assert sweep.poll() is None
    first.kill()
    processes(*worker(address))
    out, err = sweep.communicate(timeout=120)
    assert "6 points: 6 finished, 0 failed" in out, err


def test_no_scheduler_and_wrong_addresses(accelsim_command, study_file):
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        error = accelsim_command("sweep", study_file(STUDY), "--scheduler", address, "-o", "s", expect=2).stderr
        assert "no Dask scheduler answers" in error and error.count("\n") == 1


def test_worker_command_is_dasks(accelsim_command):
    assert "--nthreads" in accelsim_command("worker", "--help").stdout


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def namespaces() -> Iterator[list[str]]:
    """Two network namespaces joined to this one by a bridge 10.213.7.0/24; this side is .1, they are .2 and .3."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    names = [f"accelsim{os.getpid()}n{i}" for i in range(2)]
    bridge = f"asb{os.getpid()}"[:15]
    try:
        try:
            ip("link", "add", bridge, "type", "bridge")
            ip("addr", "add", "10.213.7.1/24", "dev", bridge)
            ip("link", "set", bridge, "up")
            for i, name in enumerate(names):
                ends = f"asv{os.getpid()}{i}"[:15], f"asw{os.getpid()}{i}"[:15]
                ip("netns", "add", name)
                ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", name)
                ip("link", "set", ends[0], "master", bridge, "up")
                ip("-n", name, "addr", "add", f"10.213.7.{i + 2}/24", "dev", ends[1])
                ip("-n", name, "link", "set", ends[1], "up")
                ip("-n", name, "link", "set", "lo", "up")
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            pytest.skip(f"network namespaces are not allowed here ({error})")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", bridge], capture_output=True)


@pytest.mark.slow
def test_workers_in_network_namespaces_of_their_own(namespaces, processes, accelsim_command, study_file):
    address = scheduler_address(processes(*SCHEDULER, "--host", "10.213.7.1"))
    for name in namespaces:
        processes("ip", "netns", "exec", name, *worker(address))
    study = study_file(STUDY)
    assert "72 points: 72 finished" in accelsim_command("sweep", study, "--scheduler", address, "-o", "remote").stdout
    accelsim_command("sweep", study, "--workers", 1, "-o", "local")
    assert rows(accelsim_command, "remote") == rows(accelsim_command, "local")
