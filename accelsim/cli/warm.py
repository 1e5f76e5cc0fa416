"""Compiling ahead: warm."""

from typing import Annotated

import typer

from accelsim.cli.options import Checked


def register(app: typer.Typer, checked: Checked) -> None:
    """Add the command to `app`, under `checked`, which turns mistakes into one message."""
    app.command()(checked(warm))


def warm(kind: Annotated[list[str] | None, typer.Argument(metavar="[KIND...]",
                                                          help="Kinds of machines (default: all).")] = None) -> None:
    """Compile the kernels of machines ahead, so that no first run waits for it."""
    import time

    from accelsim import warming
    from accelsim.report.compiling import compiling_said

    wanted = warming.checked_kinds(kind or [])
    for name in wanted:
        began = time.process_time()
        with compiling_said(name):
            runs = warming.warm(name)
        typer.echo(f"{name}: ready ({runs} small runs, {time.process_time() - began:.1f} CPU s)")
