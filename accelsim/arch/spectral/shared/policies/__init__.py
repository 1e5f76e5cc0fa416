"""Schedules of the entries of kernels over cycles; one policy a file. Rules 13 and 14 of docs/machines/spectral.md.

A policy is called as policy(index_sets, replicas): for each kernel of a group its kept indices, ascending; and how many
distinct indices a cycle may read. It returns a list of cycles, each a list of (kernel, index): every entry of every
kernel once, in a cycle at most one of a kernel and at most `replicas` distinct indices. It leaves its arguments alone.
"""

from accelsim.arch.spectral.shared.policies.lowest_index import lowest_index
from accelsim.arch.spectral.shared.policies.max_cover import max_cover
from accelsim.arch.spectral.shared.policies.rare_last import rare_last

__all__ = ["lowest_index", "max_cover", "rare_last"]
