"""Where the workers are: a Dask cluster of this machine, or any scheduler by its address. The rest is one code path."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from accelsim.errors import ClusterError, ConfigError, cut

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10


def check_place(scheduler: str | None, workers: int | None) -> None:
    """ConfigError when both are given, or one is nothing that can be meant."""
    if scheduler is not None and workers is not None:
        raise ConfigError("--workers counts the workers of a local cluster; those of a --scheduler are started with "
                          "accelsim worker ADDRESS")
    if scheduler is not None and not isinstance(scheduler, str):
        raise ConfigError(f"scheduler is a {type(scheduler).__name__}, wanted an address such as tcp://HOST:PORT")
    if workers is not None and (type(workers) is not int or not 1 <= workers <= 1024):
        raise ConfigError(f"workers is {cut(repr(workers))}, wanted a whole number from 1 to 1024")


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
                         dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL)
    with local, Client(local, set_as_default=False) as client:
        yield client


def dask_setup(worker: object) -> None:
    """Called by Dask in every local worker: Ctrl-C in a terminal is for the coordinator, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
