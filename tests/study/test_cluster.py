"""Does a real cluster (a scheduler and workers as processes of their own, over TCP) give what a local run gives?"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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
        found = re.search(r"Scheduler at:\s+(t(?:cp|ls)://\S+)", line)
        if found:
            return found.group(1)
    raise AssertionError("the scheduler did not start")


SCHEDULER = (sys.executable, "-m", "dask", "scheduler", "--port", "0", "--no-dashboard")


def worker(address: str, *more: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "accelsim.cli", "worker", address, "--nthreads", "1", *more)


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
    first = processes(*worker(address, "--no-nanny"))
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


def test_worker_command_is_dasks_and_says_whom_to_trust(accelsim_command):
    told = accelsim_command("worker", "--help").stdout
    assert "--nthreads" in told and "Whoever reaches a worker can run code on it" in told


def listening(process_id: int) -> set[str]:
    """The local addresses on which a process and its children listen, as the kernel shows them (hex, network order)."""
    sockets, found = set(), set()
    members = [process_id, *(int(p) for p in subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process_id)], capture_output=True, text=True).stdout.split())]
    for member in members:
        for handle in Path(f"/proc/{member}/fd").glob("*"):
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(handle).removeprefix("socket:[").removesuffix("]"))
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(fields[1].partition(":")[0])
    return found


LOOPBACK, EVERYWHERE = "0100007F", {"00000000", "0" * 32}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="asks Linux who listens")
@pytest.mark.parametrize(("more", "only_here"), [((), True), (("--no-nanny",), True),
                                                 (("--listen-address", "tcp://0.0.0.0:0"), False)])
def test_a_worker_listens_on_this_machine_alone_unless_told_otherwise(processes, more, only_here):
    address = scheduler_address(processes(*SCHEDULER, "--host", "127.0.0.1"))
    process = processes(*worker(address, *more))
    for line in process.stderr:
        if "Registered to" in line or "Starting established connection" in line:
            break
    found = listening(process.pid)
    assert found and (found == {LOOPBACK}) == only_here and bool(found & EVERYWHERE) != only_here


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="asks Linux who listens")
def test_a_local_sweep_listens_on_this_machine_alone(start, study_file, tmp_path):
    sweep = start("sweep", study_file("set: {pes: [1, 2, 3, 4, 5, 6]}\npolicies: slow"), "--workers", 2, "-o", "s")
    while not (tmp_path / "odd.log").exists():
        assert sweep.poll() is None
        time.sleep(0.05)
    members = {sweep.pid, *(int(line.split()[2]) for line in (tmp_path / "odd.log").read_text().splitlines())}
    assert set().union(*map(listening, members)) == {LOOPBACK}


@pytest.mark.parametrize("address", ["tcp://192.0.2.7:8786", "192.0.2.7:8786", "tls://192.0.2.7:8786"])
def test_a_scheduler_elsewhere_wants_an_address_to_listen_on(accelsim_command, address):
    error = accelsim_command("worker", address, expect=2).stderr
    assert "can run code on it" in error and "--host ADDRESS" in error and error.count("\n") == 1


def test_what_a_worker_is_started_with():
    from accelsim.study.cluster import worker_arguments

    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    for address in ("tcp://127.0.0.1:9", "tcp://localhost:9", "tls://127.0.0.1:9"):
        assert worker_arguments([address, "--nthreads=2"]) == [address, "--nthreads=2", *here]
    elsewhere = ["tcp://192.0.2.7:9", "--nworkers", "3", "--host", "192.0.2.8"]
    assert worker_arguments(elsewhere) == [*elsewhere, *here[2:]]
    assert worker_arguments([*elsewhere, "--no-dashboard"]) == [*elsewhere, "--no-dashboard"]
    assert worker_arguments(["tcp://192.0.2.7:9", "--nthreads", "1", "--interface", "lo", "--dashboard-address", ":1"]
                            )[-2:] == ["--dashboard-address", ":1"]


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def test_certificates_are_passed_through(processes, accelsim_command, environment, study_file, tmp_path):
    """A scheduler, a worker and a sweep that know each other by certificates; without them the sweep is refused."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates")
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem")
    tls = [f"--tls-{what}={tmp_path / file}" for what, file in (("ca-file", "cert.pem"), ("cert", "cert.pem"),
                                                               ("key", "key.pem"))]
    scheduler = processes(*SCHEDULER, "--protocol", "tls", "--host", "tls://127.0.0.1", *tls)
    address = scheduler_address(scheduler)
    assert address.startswith("tls://")
    processes(*worker(address, *tls))
    study = study_file("set: {pes: [1, 2, 3]}")
    assert "certificates" in accelsim_command("sweep", study, "--scheduler", address, "-o", "s", expect=2).stderr
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    environment |= {f"{prefix}CA_FILE": str(tmp_path / "cert.pem"), f"{prefix}CLIENT__CERT": str(tmp_path / "cert.pem"),
                    f"{prefix}CLIENT__KEY": str(tmp_path / "key.pem")}
    assert "3 points: 3 finished" in accelsim_command("sweep", study, "--scheduler", address, "-o", "s").stdout


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
    for number, name in enumerate(namespaces, 2):
        processes("ip", "netns", "exec", name, *worker(address, "--host", f"10.213.7.{number}"))
    study = study_file(STUDY)
    assert "72 points: 72 finished" in accelsim_command("sweep", study, "--scheduler", address, "-o", "remote").stdout
    accelsim_command("sweep", study, "--workers", 1, "-o", "local")
    assert rows(accelsim_command, "remote") == rows(accelsim_command, "local")
