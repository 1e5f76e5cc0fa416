"""Standard input, output and error as a command finds them: closed, without an encoding, on a full disk."""

import contextlib
import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def make_usable() -> None:
    """A stream that was closed (`>&-`) becomes /dev/null, so that no file opened later gets its number and its text."""
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open as long as the process)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal may lack box characters


def give_up(complaint: str | None) -> None:
    """Say the one line, if it can be said; what is still to be printed is lost."""
    if complaint is not None:
        with contextlib.suppress(OSError, ValueError):
            print(f"accelsim: error: {complaint}", file=sys.stderr, flush=True)
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # else Python tries again at its end and complains
            os.dup2(null, stream.fileno())


def cause_of(error: OSError) -> str:
    """What the user can do about an error that no command expects."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    try:
        os.getcwd()
    except OSError:
        return "the working folder is gone; change to one that exists"
    return f"cannot write the output ({error.strerror or error})"
