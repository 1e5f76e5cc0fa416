"""What no deal of outputs to lanes can beat. Rules: docs/machines/lanes.md, "Work of each PE, and the bound"."""

import numpy as np

from accelsim.arch.lanes.shared.fast.lowering import Operands
from accelsim.arch.lanes.shared.schedule import Schedule


def product_bound(operands: Operands, schedule: Schedule) -> int:
    return 0
