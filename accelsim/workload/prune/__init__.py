"""Pruning: which weights stay, by a one-line spec. One file per method; see docs/prune.md."""

from accelsim.workload.prune.apply import prune
from accelsim.workload.prune.spec import METHODS, parse

__all__ = ["METHODS", "parse", "prune"]
