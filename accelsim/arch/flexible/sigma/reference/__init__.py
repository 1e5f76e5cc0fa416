"""SIGMA, tick by tick: the obvious twin, which moves real values through switches, multipliers and adders.

Source: Qin et al., HPCA 2020; the rules, one by one, are in docs/machines/sigma.md. Exact: every cycle, count and
stall of those rules. Abstracted: values are the integers of the layer in accumulators of unlimited width, not bf16
and FP32.

Data path of one GEMM: `controller.py` cuts it into folds; `loader.py` fills the multipliers; a streamed vector passes
the Benes network (`benes.py`, its settings found by `routing.py`) of each Flex-DPE (`flex_dpe.py`), is multiplied,
reduced by the FANs (`fan.py`) inside and across Flex-DPEs, and accumulated (`pipeline.py`). `traffic.py` counts what
the folds fetch and write back. `machine.py` runs a GEMM, `engine.py` a layer.
"""

from accelsim.arch.flexible.sigma.reference.engine import COUNTS, STALLS, run

__all__ = ["COUNTS", "STALLS", "run"]
