"""The command that compares with what was published: validate."""

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Checked

DIFFERS = 1  # the status when a verdict is not the one on record


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the command to `app`, under `checked`, which turns mistakes into one message."""
    app.command()(checked(validate))


def validate(
    arch: Annotated[list[str] | None, typer.Option("--arch", "-a", metavar="NAME", help="Only the figures of this "
                                                   "machine (or of this preset's); repeatable.")] = None,
    golden: Annotated[Path | None, typer.Option(envvar="ACCELSIM_GOLDEN", metavar="DIR",
                                                help="The folder of third-party data that some figures need "
                                                     "(docs/validation.md).")] = None,
    processes: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Processes at a time.")] = 2,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE",
                                                help="Also write the page, as Markdown.")] = None,
) -> None:
    """Compare with every published number: ours beside it, the error, and the assumption behind it.

    Ends with status 1 when a figure that held does not, or one that is on record as a miss holds.
    """
    from accelsim.files import check_writable, write_whole
    from accelsim.report import validation
    from accelsim.report.progress import progress
    from accelsim.validation.catalogue import chapter_names
    from accelsim.validation.check import check

    names = chapter_names(arch or [])
    if output is not None:
        check_writable(output)
    with progress("checking") as step:
        outcomes = check(names, golden, processes, step)
    if output is not None:
        write_whole(output, validation.as_markdown(outcomes, names).encode())
    typer.echo(validation.as_text(outcomes))
    if any(outcome.surprise for outcome in outcomes):
        raise typer.Exit(DIFFERS)
