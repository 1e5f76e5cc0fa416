"""Which PE of a channel gets which matrix row: those of the family. All channels have the same."""

from accelsim.arch.broadcast.shared.policies import POLICIES

__all__ = ["POLICIES"]
