"""The command line. Every command is one call of the Python API; mistakes print one error and exit with status 2.

One file per group of commands; heavy imports stay inside the commands, so that `--help` is quick.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import typer
import typer.core

from accelsim.cli import record_and_prune, report, run, shelves, storage, streams, study, validate, views, warm
from accelsim.errors import AccelsimError, cut, inert

LONGEST_MESSAGE = 2000  # characters; a file may be called anything, of any length
_UsageError: Any = typer.BadParameter.__bases__[0]


class Commands(typer.core.TyperGroup):
    """The commands; what they say of a wrong command line quotes no more of it than a reader needs."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _quoted_briefly():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _quoted_briefly():
            return super().invoke(ctx)


@contextmanager
def _quoted_briefly() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        error.message = cut(error.message, 500)
        raise


app = typer.Typer(name="accelsim", cls=Commands, no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["-h", "--help"]},
                  help="Cycle-level simulation of sparse-DNN accelerators on real pruned models.")


def _plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """What a user can cause ends as one message and status 2."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except AccelsimError as error:
            message = str(error)
        except MemoryError:
            message = "out of memory; use a smaller trace or a smaller design"
        else:
            return
        # a file may be called anything: nothing in its name may act on the terminal
        typer.echo(f"accelsim: error: {cut(inert(message), LONGEST_MESSAGE)}", err=True)
        raise typer.Exit(2)

    return wrapped


for group in (run, shelves, record_and_prune, storage, views, study, validate, report, warm):
    group.register(app, _plain_errors)


def main() -> None:
    """Entry point: what goes wrong outside of the commands is one line too."""
    streams.make_usable()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) went away
        streams.give_up(None)
        sys.exit(1)
    except OSError as error:  # a full disk behind `> file`, for instance
        streams.give_up(streams.cause_of(error))
        sys.exit(2)
