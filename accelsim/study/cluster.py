"""Where the workers are: a Dask cluster of this machine, or any scheduler by its address. The rest is one code path."""

import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.errors import ClusterError, ConfigError, cut, shown

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10
LOOPBACK = "127.0.0.1"


def check_place(scheduler: str | None, workers: int | None) -> None:
    """ConfigError when both are given, or one is nothing that can be meant."""
    if scheduler is not None and workers is not None:
        raise ConfigError("--workers counts the workers of a local cluster; those of a --scheduler are started with "
                          "accelsim worker ADDRESS")
    if scheduler is not None and not isinstance(scheduler, str):
        raise ConfigError(f"scheduler is a {type(scheduler).__name__}, wanted an address such as tcp://HOST:PORT")
    if workers is not None and (type(workers) is not int or not 1 <= workers <= 1024):
        raise ConfigError(f"workers is {shown(workers)}, wanted a whole number from 1 to 1024")


@contextmanager
def connected(scheduler: str | None, workers: int | None) -> Iterator["Client"]:
    """A client of `scheduler`, or of a new local cluster with `workers` processes (one per CPU when None).

    Both are as `check_place` wants them. Raises ClusterError when Dask is missing or the scheduler does not answer.
    """
    try:
        from distributed import Client, LocalCluster
        from distributed.comm.addressing import parse_address
        from distributed.comm.registry import get_backend
        from distributed.security import Security
    except ImportError:
        raise ClusterError("sweeps run on Dask, which is not installed; pip install 'accelsim[cluster]'") from None
    if scheduler is not None:
        try:
            protocol, _ = parse_address(scheduler, strict=True)  # Client would leave threads behind that complain later
            get_backend(protocol)
            if protocol in ("tls", "wss") and Security().get_connection_args("client").get("ssl_context") is None:
                raise ClusterError(f"scheduler {scheduler!r} wants certificates, and none are set; name them in Dask's "
                                   "settings (docs/sweeps.md, Trust)")
            client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(f"no Dask scheduler answers at {scheduler!r} ({type(error).__name__}: {error}); start "
                               "one with dask scheduler, and give its address as tcp://HOST:PORT") from None
        with client:
            yield client
        return
    # a port of its own: with None, Dask takes 8787 and complains when another sweep has it
    local = LocalCluster(n_workers=workers or _cpus(), threads_per_worker=1, processes=True, preload=__name__,
                         dashboard_address=f"{LOOPBACK}:0", host=LOOPBACK, silence_logs=logging.CRITICAL)
    with local, Client(local, set_as_default=False) as client:
        yield client


def worker_arguments(given: Sequence[str]) -> list[str]:
    """`given` for `dask worker`, and what is not said there: one process per CPU, reached from this machine alone.

    Raises ClusterError when the scheduler is elsewhere, so that it has to reach the worker over a network.
    """
    from distributed.cli.dask_worker import main as dask_worker

    said = dask_worker.make_context("accelsim worker", list(given), resilient_parsing=True).params
    arguments = list(given)
    options = {argument.partition("=")[0] for argument in given}
    if not options & {"--nthreads", "--nworkers"}:
        arguments += ["--nthreads", "1", "--nworkers", str(os.cpu_count() or 1)]
    if not any(said.get(key) for key in ("host", "interface", "listen_address")):
        scheduler = said.get("scheduler") or _address_in(said.get("scheduler_file"))
        if scheduler and not _is_here(scheduler):
            raise ClusterError(f"scheduler {cut(scheduler)} is on another machine and has to reach this worker, and "
                               "whoever reaches a worker can run code on it; in a network that you trust, give this "
                               "machine's address there (--host ADDRESS or --interface NAME); docs/sweeps.md, Trust")
        arguments += ["--host", LOOPBACK]
    if not options & {"--no-dashboard", "--dashboard-address"}:
        arguments += ["--dashboard-address", f"{LOOPBACK}:0"]
    return arguments


def _address_in(scheduler_file: str | None) -> str | None:
    """The address that a scheduler wrote into its file; Dask says what is wrong with one that cannot be read."""
    try:
        address = json.loads(Path(scheduler_file).read_bytes())["address"] if scheduler_file else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return address if isinstance(address, str) else None


def _is_here(address: str) -> bool:
    """Whether the host in `address` is this machine: one of its own addresses can be bound to."""
    host = address.rpartition("//")[2].rpartition(":")[0].strip("[]")
    for family, kind, protocol, _, place in _places(host):
        with contextlib.suppress(OSError), socket.socket(family, kind, protocol) as probe:
            probe.bind((place[0], 0))
            return True
    return not _places(host)  # an unknown host: Dask says so


def _places(host: str) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return []


def dask_setup(worker: object) -> None:
    """Called by Dask in every local worker: Ctrl-C in a terminal is for the coordinator, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
