"""Which bound holds for a layer: compute, imbalance, what happens on chip, or DRAM. See docs/memory.md, "Roofline"."""

from collections.abc import Mapping

from pydantic import computed_field

from accelsim.result.format import Amount, Count, FileRecord

BOUNDS = ("compute", "imbalance", "on-chip", "dram")


class Roofline(FileRecord):
    """Numbers of cycles of a layer; each of the first three includes the one before it.

    compute_cycles: the slots' work at full use of every slot. balanced_cycles: with the slots idle that have no work
    while others do. machine_cycles: with all other stalls on chip: the machine alone. dram_cycles: the layer's data at
    the DRAM's bandwidth; None when memory is not modelled.
    """

    compute_cycles: Amount
    balanced_cycles: Amount
    machine_cycles: Count
    dram_cycles: Count | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def bound(self) -> str:
        """ "dram" when its data take longer than the machine; else what the largest part of the machine's cycles is."""
        if self.dram_cycles is not None and self.dram_cycles > self.machine_cycles:
            return "dram"
        parts = (self.compute_cycles, self.balanced_cycles - self.compute_cycles,
                 self.machine_cycles - self.balanced_cycles)
        return BOUNDS[parts.index(max(parts))]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def over_compute(self) -> float:
        """By how much: cycles of the highest bound over those of compute alone; 1 is the best, 0 for an empty layer."""
        highest = max(self.machine_cycles, self.dram_cycles or 0)
        if not self.compute_cycles:
            return 0.0
        return highest / self.compute_cycles


def roofline(machine_cycles: int, slots: int, stalls: Mapping[str, int], classes: Mapping[str, str],
             dram_cycles: int | None) -> Roofline:
    """From the machine alone: its stalls by name, `classes` as in `Machine.stall_classes`."""
    of = {name: classes.get(name, "compute" if name == "busy" else "on-chip") for name in stalls}
    compute, imbalance = (sum(n for name, n in stalls.items() if of[name] == bound) for bound in BOUNDS[:2])
    return Roofline(compute_cycles=compute / slots, balanced_cycles=(compute + imbalance) / slots,
                    machine_cycles=machine_cycles, dram_cycles=dram_cycles)
