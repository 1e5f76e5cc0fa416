"""The fast engine of DianNao: what only it has. Rules: docs/machines/diannao.md."""

from accelsim.arch.lanes.diannao.machine import Diannao
from accelsim.arch.lanes.shared.fast.engine import LanesEngine


class DiannaoEngine(LanesEngine):
    """Nothing besides the family's."""


ENGINE = DiannaoEngine(Diannao)
run, bound_cycles = ENGINE.run, ENGINE.bound_cycles
