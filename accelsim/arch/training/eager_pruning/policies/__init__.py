"""The order in which kernels are packed; one policy a file.

A policy: (nonzeros int64 [owner]) -> owners in the order of the list, each once.
"""

from accelsim.arch.training.eager_pruning.policies.fullest_first import fullest_first
from accelsim.arch.training.eager_pruning.policies.in_order import in_order

POLICIES = {
    "in_order": in_order,
    "fullest_first": fullest_first,
}

__all__ = ["POLICIES", "fullest_first", "in_order"]
