"""Which row comes when. A policy is called as policy(product, config) and gives every row of A once, int64 [row]."""

from accelsim.arch.streams.gamma.policies.affinity import affinity
from accelsim.arch.streams.gamma.policies.in_order import in_order

POLICIES = {"in_order": in_order, "affinity": affinity}
