"""Which PE gets which matrix row: those of the family."""

from accelsim.arch.broadcast.shared.policies import POLICIES

__all__ = ["POLICIES"]
