"""Which columns of a filter matrix share a group; one policy a file.

A policy: (weights [filters, columns], alpha, gamma, section=256) -> groups, lists of column numbers, in the order of
the array's rows. It reads the pattern alone; every column with a non-zero is in one group of at most alpha columns.
"""

from accelsim.arch.systolic.column_combining.policies.column_combine import column_combine
from accelsim.arch.systolic.column_combining.policies.dense_column_first import dense_column_first

POLICIES = {
    "column_combine": column_combine,
    "dense_column_first": dense_column_first,
}

__all__ = ["POLICIES", "column_combine", "dense_column_first"]
