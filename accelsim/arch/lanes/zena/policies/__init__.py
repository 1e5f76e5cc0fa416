"""Which kernels share a round, and how rounds come to groups. Contract: `accelsim.arch.lanes.shared.policies`."""

from accelsim.arch.lanes.shared.policies import in_order, zero_aware
from accelsim.arch.lanes.zena.policies.dynamic_groups import dynamic_groups

POLICIES = {"zero_aware": zero_aware, "in_order": in_order, "dynamic_groups": dynamic_groups}
