"""Every error a user can cause, as one clear message.

A message says where (file, key or line), what was found, what was wanted, and a way out.
The command line prints it alone and exits with status 2; nothing is half-written.
"""


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
