"""Outputs are dealt as they come: no order changes a cycle here. Contract: `accelsim.arch.lanes.shared.policies`."""

from accelsim.arch.lanes.shared.policies import in_order

POLICIES = {"in_order": in_order}
