"""Which outputs share a round. Contract: `accelsim.arch.lanes.shared.policies`."""

from accelsim.arch.lanes.shared.policies import in_order, zero_aware

POLICIES = {"in_order": in_order, "zero_aware": zero_aware}
