"""What happens to weights that break the shared index. Contract: `accelsim.arch.lanes.shared.policies`.

Outputs keep their order in both, since an index belongs to neighbours.
"""

from accelsim.arch.lanes.cambricon_s.policies.union import union
from accelsim.arch.lanes.shared.policies.in_order import in_order

POLICIES = {"strict": in_order, "union": union}
