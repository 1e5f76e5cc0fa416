"""Who gets which outputs of a product, by the contract of every kind of the family; one policy a file.

A policy is called as policy(nonzeros, lanes, places): non-zero weights int64 [output, unit]; lanes of a section that
have outputs of their own; outputs that a lane has in a published round. It gives a Deal and does not touch its
arguments.
"""

from accelsim.arch.lanes.shared.policies.in_order import in_order
from accelsim.arch.lanes.shared.policies.zero_aware import zero_aware

__all__ = ["in_order", "zero_aware"]
