"""Where every slot-cycle of an SM went, read from what its math unit logged.

Source: docs/machines/tensor_core.md, section Where every slot-cycle goes.
"""

from collections import Counter

from accelsim.arch.gpu.tensor_core.config import TensorCoreConfig
from accelsim.arch.gpu.tensor_core.reference.cores import InstructionWork, multiplies_per_instruction
from accelsim.arch.gpu.tensor_core.reference.sm import Sm, Step


def sm_stalls(sm: Sm, cta_cycles: int, config: TensorCoreConfig) -> Counter[str]:
    """Slot-cycles of one SM from cycle 0 to the end of the last CTA of all SMs."""
    per_core = multiplies_per_instruction(config) // config.mma_issue_cycles
    width = config.sub_cores_per_sm * per_core
    stalls: Counter[str] = Counter()
    cycle = 0
    for step in sm.math.log:
        while cycle < step.start:
            stalls[why_idle(step, cycle)] += width
            cycle += 1
        assert step.work is not None
        stalls.update(issued(step.work, config))
        issue = step.issue_cycles
        stalls["imbalance"] += sum(issue - own for own in step.work.issue_cycles) * per_core
        stalls["shared_memory"] += (step.hold_cycles - issue) * width
        cycle += step.hold_cycles
    last_end = max(sm.cta_ends, default=0)
    stalls["epilogue"] += (last_end - cycle) * width
    stalls["tail_wave"] += (cta_cycles - last_end) * width
    return stalls


def why_idle(step: Step, cycle: int) -> str:
    """What the SM waits for in `cycle`, when `step` is the next to start."""
    if step.index == 0:
        return "epilogue" if cycle < step.cta_start else "prologue"
    if cycle < step.previous_end:
        return "mma_latency"
    return "copy" if cycle < step.values_arrived else "metadata"


def issued(work: InstructionWork, config: TensorCoreConfig) -> dict[str, int]:
    """Slot-cycles of the instructions issued in a step."""
    multiplies = work.instructions * multiplies_per_instruction(config)
    return {"busy": work.macs, "operand_zero": work.inside - work.macs, "padding": multiplies - work.inside}
