"""What a machine declares of itself, once: its stalls, its counts, and what documents and listings say about it.

Colours, the roofline's classes, the energy action of each count, `accelsim list`, and the tables of the documentation
follow from these facts.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from accelsim.hw.energy import Action

Bound = Literal["compute", "imbalance", "on-chip"]
Cause = Literal["useful", "wasted", "no_work", "imbalance", "operands", "conflict", "load_drain", "memory"]
CAUSES: dict[str, str] = {
    "useful": "a multiply-accumulate of two non-zeros",
    "wasted": "work that the result does not need",
    "no_work": "no work was given to this unit",
    "imbalance": "other units still work",
    "operands": "waits for operands from inside the chip",
    "conflict": "several units want the same bank, port or unit",
    "load_drain": "the machine is loaded, filled, drained or written out",
    "memory": "waits for the memory behind the chip",
}
_BOUND_OF: dict[str, Bound] = {"useful": "compute", "wasted": "compute", "no_work": "imbalance",
                               "imbalance": "imbalance"}


@dataclass(frozen=True)
class Stall:
    """A kind of slot-cycle: "busy", or one without useful work.

    cause: why, in the words all machines share; it gives the colour. says: what the slot does instead, as the rest of a
    sentence that begins with the machine's `slot` ("waits for ..."). levers: what changes it, in Markdown. bound: its
    class in the roofline, where that is not the one of its cause.
    """

    name: str
    cause: Cause
    says: str
    levers: str = ""
    bound: Bound | None = None

    def __post_init__(self) -> None:
        if self.cause not in get_args(Cause):
            raise ValueError(f"stall {self.name!r}: cause {self.cause!r} is unknown, wanted one of {', '.join(CAUSES)}")

    @property
    def roofline_class(self) -> Bound:
        return self.bound or _BOUND_OF.get(self.cause, "on-chip")


BUSY = Stall("busy", "useful", "multiplies two non-zeros")


@dataclass(frozen=True)
class Count:
    """Something that a machine counts. Energies are added up in the order of declaration.

    says: what is counted. action: the entry of the energy table that prices it, "" for none; "{config.key}" in it
    stands for a value of the design. bits: the width of one access, or the name of the config's attribute that has it.
    data: what is moved ("weight", "activation", "output"), "" where it is none of them alone. behind_dram: priced here
    only while the design has no `dram`, whose timeline prices it otherwise.
    """

    name: str
    says: str
    action: str = ""
    bits: int | str = 0
    data: str = ""
    behind_dram: bool = False

    def action_of(self, config: Any) -> Action | None:
        """What one of them costs on a design; None when it costs nothing there."""
        if not self.action or (self.behind_dram and config.dram is not None):
            return None
        bits = getattr(config, self.bits) if isinstance(self.bits, str) else self.bits
        return Action(self.action.format(config=config), bits, self.data)


@dataclass(frozen=True)
class SurveyRow:
    """A row of Table 1 in Hoefler et al., "Sparsity in Deep Learning" (2021), in the survey's own words.

    Storage: CSC, COO, BM (bitmask), CB (compressed blocks), "-" for dense. skips_activations: zero activations are
    skipped or gated in the computation.
    """

    design: str
    operations: str
    weights: str
    activations: str
    skips_activations: bool
    load_balancing: str
    reuse: str


@dataclass(frozen=True)
class About:
    """What listings and documents say about a machine, each in a few words of Markdown.

    title: the machine's name. paper: who published it where. slots: how many slots of what, on which design. skips:
    which zeros cost no time. good_for: when to take it. equal: to which outside answers it is equal. abstracted: what
    is left out. policy: what a policy decides. bound: what the bound on policies is. tile: what a tile of the memory
    timeline is, and waits: where the kernel itself waits. timeline: its units, what a slice is, and other tracks; empty
    for a machine without timelines. survey: its rows of the survey's Table 1.
    """

    title: str
    paper: str
    slots: str
    skips: str
    good_for: str
    equal: str
    abstracted: str
    policy: str
    bound: str
    tile: str
    waits: str
    timeline: tuple[str, str, str] | tuple[()] = ()
    survey: tuple[SurveyRow, ...] = ()


def names(facts: tuple[Stall, ...] | tuple[Count, ...]) -> tuple[str, ...]:
    """Their names, in order."""
    return tuple(fact.name for fact in facts)
