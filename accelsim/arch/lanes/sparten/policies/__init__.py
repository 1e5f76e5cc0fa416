"""Which filters a unit has, and how jobs come to clusters. Contract: `accelsim.arch.lanes.shared.policies`."""

from accelsim.arch.lanes.shared.policies.in_order import in_order
from accelsim.arch.lanes.sparten.policies.gb_h import gb_h
from accelsim.arch.lanes.sparten.policies.gb_s import gb_s
from accelsim.arch.lanes.sparten.policies.work_stealing import work_stealing

POLICIES = {"none": in_order, "gb_s": gb_s, "gb_h": gb_h, "work_stealing": work_stealing}
