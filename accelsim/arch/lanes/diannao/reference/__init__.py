"""DianNao tick by tick. Rules: docs/machines/diannao.md."""

from accelsim.arch.lanes.diannao.config import DiannaoConfig
from accelsim.arch.lanes.shared.reference import engine
from accelsim.arch.lanes.shared.reference.rules import Rules
from accelsim.arch.machine import LayerRun, Policy
from accelsim.workload.layer import Layer


class DiannaoRules(Rules):
    """The common ones."""

    lock_step = True


def run(layer: Layer, config: DiannaoConfig, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output."""
    return engine.run(DiannaoRules(layer, config), policy)
