"""The conformance suite: what every machine must pass, whether it is in this package or in yours.

    from accelsim import testing

    class TestMine(testing.MachineConformance):
        kind = "mine"

        def configs(self):
            return st.builds(MyConfig, ...)   # small designs, as a hypothesis strategy

Collected by pytest, the class checks that the kernel and the reference agree on cycles, counts, stalls and mapping,
that the reference's output equals numpy's, that every slot-cycle is accounted for once, lower bounds, determinism,
patterns against values, edge shapes, names, energy and timelines. Needs pytest and hypothesis (extra `dev`).
"""

from accelsim.testing.machines import MachineConformance
from accelsim.testing.policies import PolicyConformance
from accelsim.testing.run_facts import facts
from accelsim.testing.small_layers import DENSITIES, edge_layers, layers, tensor
from accelsim.workload.conv2d import conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.matmul import linear, matmul

__all__ = ["DENSITIES", "Layer", "MachineConformance", "PolicyConformance", "conv2d", "edge_layers", "facts", "layers",
           "linear", "matmul", "tensor"]
