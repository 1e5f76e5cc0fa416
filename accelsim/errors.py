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


class UnsupportedLayerError(AccelsimError):
    """The machine cannot run this layer (never skipped silently)."""


class CapacityError(AccelsimError):
    """Something does not fit a buffer and cannot be split; see `capacity_error`."""


def capacity_error(layer: str, what: str, demand_bits: int, bound_bits: int, levers: str) -> CapacityError:
    """The error for `what` of `layer` that needs `demand_bits` where `bound_bits` are; `levers`: what the user can change."""
    return CapacityError(f"layer {layer!r}: {what} needs {demand_bits:,} bits, the buffer holds {bound_bits:,} "
                         f"({demand_bits - bound_bits:,} too many) and it cannot be split further; {levers}")


class ModelError(AccelsimError):
    """A machine broke one of its own laws: a defect in a model, not in the input."""


class AccountingError(ModelError):
    """Busy and stalled slot-cycles of a run do not add up to slots x cycles."""


class DeadlockError(ModelError):
    """Nothing moves any more; the message holds a dump of every queue."""
