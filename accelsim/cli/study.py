"""The commands about many runs: sweep, results, worker and policies."""

import inspect
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from accelsim.cli.options import Checked
from accelsim.errors import ConfigError

INTERRUPTED = 130  # the status of a program that Ctrl-C ended
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's YAML file.")]
StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="What accelsim sweep -o wrote.")]


class RowFormat(StrEnum):
    table = "table"
    csv = "csv"
    parquet = "parquet"


class ComparisonFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the commands to `app`, each under `checked`, which turns mistakes into one message."""
    for command in (sweep, results, policies):
        app.command()(checked(command))
    app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})(
        checked(worker))


def sweep(
    study: StudyArgument,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, tcp://HOST:PORT; "
                                                                        "without it, workers of this machine.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Local workers (default: one per CPU).")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the store if there is one.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="With --resume: failed points too.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="STORE",
                                                help="The store (default: STUDY's name with .sqlite, here).")] = None,
) -> None:
    """Run every point of STUDY; the outcomes go to a store that survives any interruption."""
    from accelsim.study.store import Store
    from accelsim.study.sweep import sweep as run

    store = output if output is not None else Path(study.stem + ".sqlite")
    signal.signal(signal.SIGTERM, lambda *_: _interrupt())
    try:
        done = run(study, store, scheduler, workers, resume, retry_failed, progress=True)
    except KeyboardInterrupt:
        typer.echo(f"accelsim: interrupted; every finished point is in {store}. To go on:\n"
                   f"    accelsim sweep {study} -o {store} --resume", err=True)
        raise typer.Exit(INTERRUPTED) from None
    reader = Store.read(store)
    points, finished, failed = reader.counts()
    reader.close()
    excluded = f", {done.excluded:,} excluded by constraints" if done.excluded else ""
    typer.echo(f"{points:,} points: {finished:,} finished, {failed:,} failed{excluded}; {done.ran:,} run now in "
               f"{done.seconds:.1f} s (workers {done.busy_share:.0%} busy)\nstore: {store}")


def results(
    store: StoreArgument,
    format_: Annotated[RowFormat, typer.Option("--format", help="parquet needs -o.")] = RowFormat.table,
    where: Annotated[str | None, typer.Option(metavar="CONDITION", help="Rows to keep: column op value, and, or, "
                                              "parentheses; for example 'pes >= 32 and policy = greedy_nnz'.")] = None,
    pareto: Annotated[str | None, typer.Option(metavar="COLUMN,COLUMN", help="Keep what no other point on the same "
                                               "trace beats; -COLUMN is maximised.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write there instead.")] = None,
) -> None:
    """Show the points of a STORE, also while its sweep runs."""
    from accelsim.study import export
    from accelsim.study.pareto import pareto_rows, parse_objectives
    from accelsim.study.store import Store
    from accelsim.study.where import parse_where

    keep = parse_where(where) if where is not None else None
    objectives = parse_objectives(pareto.split(",")) if pareto is not None else None
    if format_ is RowFormat.parquet and output is None:
        raise ConfigError("--format parquet is not text; add -o FILE.parquet")
    reader = Store.read(store)
    rows, (points, finished, failed) = export.filled(reader.rows()), reader.counts()
    reader.close()
    if keep is not None:
        rows = [row for row in rows if keep(row)]
    if objectives is not None:
        rows = list(map(dict, pareto_rows([row for row in rows if row["status"] == "finished"], objectives)))
    if format_ is RowFormat.table:
        text = export.as_table(rows) + (f"\n{len(rows):,} rows; {points:,} points: {finished:,} finished, {failed:,} "
                                        f"failed, {points - finished - failed:,} open")
        _print_or_write(text, output)
    elif format_ is RowFormat.csv and output is None:
        typer.echo(export.as_csv(rows))
    elif format_ is RowFormat.csv and output is not None:
        export.write_csv(rows, output)
    elif output is not None:
        export.write_parquet(rows, output)


def policies(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="A shipped trace's name, or a trace file's path.")],
    arch: Annotated[list[str], typer.Option("--arch", "-a", metavar="NAME|FILE",
                                            help="A preset or a YAML file; repeatable.")],
    policies_: Annotated[list[str] | None, typer.Option("--policies", metavar="all|NAME,NAME",
                                                        help="Which ones (default: all); repeatable.")] = None,
    vary: Annotated[list[str] | None, typer.Option("--vary", metavar="KEY=VALUE,VALUE",
                                                   help="Also every value of a config key; repeatable.")] = None,
    format_: Annotated[ComparisonFormat, typer.Option("--format", help="What is printed.")] = ComparisonFormat.table,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="DIR", help="Also write policies.json, "
                                                "policies.csv, policies.txt and policies.png there.")] = None,
) -> None:
    """Compare load-balancing policies on the same TRACE and the same hardware."""
    from accelsim.report import policies as report
    from accelsim.report.files import prepare
    from accelsim.result.comparison_table import as_text
    from accelsim.study.policies import compare_policies

    names = [name.strip() for item in policies_ or ["all"] for name in item.split(",")]
    axes = dict(_parse_vary(item) for item in vary or [])
    target = None if output is None else prepare(output)
    comparison = compare_policies(trace, arch, names, axes)
    if target is not None:
        report.write(target, comparison)
    typer.echo({"table": as_text, "csv": report.as_csv, "json": report.as_json}[format_.value](comparison))


def worker(context: typer.Context) -> None:
    """Start Dask workers for a scheduler: `accelsim worker ADDRESS [options of dask worker]`.

    Without --nthreads and --nworkers it starts one process with one thread per CPU: a point runs on one core.
    Whoever reaches a worker can run code on it. It listens on this machine alone, unless --host, --interface or
    --listen-address says otherwise: do so in a network that you trust, or with certificates (--tls-ca-file, --tls-cert,
    --tls-key).
    """
    try:
        from distributed.cli.dask_worker import main as dask_worker
    except ImportError:
        raise ConfigError("workers are Dask's, which is not installed; pip install 'accelsim[cluster]'") from None
    from accelsim.study.cluster import worker_arguments

    if "--help" in context.args:
        typer.echo(f"{inspect.cleandoc(worker.__doc__ or '')}\n")
        arguments = ["--help"]
    else:
        arguments = worker_arguments(context.args)
    dask_worker(args=arguments, prog_name="accelsim worker")


def _interrupt() -> None:
    raise KeyboardInterrupt


def _print_or_write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text)
        return
    from accelsim.files import write_whole

    write_whole(output, f"{text}\n".encode())


def _parse_vary(item: str) -> tuple[str, list[Any]]:
    from accelsim.yaml import read_scalar

    key, equals, values = item.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise ConfigError(f"--vary {item!r}: wanted KEY=VALUE,VALUE, for example --vary queue_entries=1,7,15")
    return key.strip(), [read_scalar(value.strip(), f"--vary {key.strip()}") for value in values.split(",")]
