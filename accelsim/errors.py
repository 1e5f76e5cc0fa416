"""Every error a user can cause, as one clear message.

A message says where (file, key or line), what was found, what was wanted, and a way out.
The command line prints it alone and exits with status 2; nothing is half-written.
"""

from collections.abc import Iterable
from typing import Any


class AccelsimError(Exception):
    """Base of every error that accelsim raises on purpose."""


class ConfigError(AccelsimError):
    """An architecture, energy table or study file, or a ``--set``, is not usable."""


class TraceError(AccelsimError):
    """A trace file or the tensors of a layer are not usable."""


class StoreError(AccelsimError):
    """The store of a sweep cannot be read or written, or belongs to another study."""


class ClusterError(AccelsimError):
    """The workers of a sweep cannot be reached or cannot run its points."""


class PruneError(AccelsimError):
    """A pruning spec is not understood, or does not fit a layer."""


class RecordError(AccelsimError):
    """A model, its weights or its inputs cannot be recorded."""


class ReportError(AccelsimError):
    """What is given to a page or a figure is not a result, or the page or figure cannot be made or written."""


class PolicyError(AccelsimError):
    """A load-balancing policy of an installed package failed, whatever way it ended."""


class UnsupportedLayerError(AccelsimError):
    """The machine cannot run this layer (never skipped silently)."""


class CapacityError(AccelsimError):
    """A tile does not fit its buffer and cannot be split: demand, bound, gap and what can be changed."""


class ModelError(AccelsimError):
    """A machine broke one of its own laws: a defect in a model, not in the input."""


class AccountingError(ModelError):
    """Busy and stalled slot-cycles of a run do not add up to slots x cycles."""


class DeadlockError(ModelError):
    """Nothing moves any more; the message holds a dump of every queue."""


def cut(text: str, length: int = 60) -> str:
    """`text`, or as much of its begin as fits into `length` characters: for what a message quotes."""
    return text if len(text) <= length else text[:length - 3] + "..."


def shown(value: Any, length: int = 60) -> str:
    """`repr(value)`, cut; for what cannot be printed (integers of thousands of digits, deep nesting), its type."""
    try:
        text = repr(value)
    except Exception:  # any object may print itself by code of its own
        return f"a {type(value).__name__} that cannot be printed"
    return f"a {type(value).__name__}" if " at 0x" in text else cut(text, length)  # where it lies helps nobody


def listing(words: Iterable[str], separator: str = ", ", shown: int = 8) -> str:
    """The first of `words`, each cut, and how many more there are."""
    every = list(words)
    more = [f"... and {len(every) - shown:,} more"] if len(every) > shown else []
    return separator.join([*map(cut, every[:shown]), *more])


def inert(text: str) -> str:
    """`text` with everything that could act on a terminal spelt out."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def told(error: BaseException) -> str:
    """An exception of any code as one line: its type, and what it says, if that can be said."""
    text = _text_of(error)
    return f"{cut(type(error).__name__)}{': ' if text else ''}{cut(text, 300)}"


def reason(error: BaseException, length: int = 200) -> str:
    """What an exception of any code says, as one line; its type where it says nothing."""
    return cut(_text_of(error) or type(error).__name__, length)


def _text_of(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:  # an exception may say its text in code of its own
        return "(without a readable text)"
