"""What each round of a planar machine moves from and to DRAM, as the machine comes to it.

Source: docs/machines/scnn.md, DRAM and Counts. Our assumption but for what stays on chip.
"""

from dataclasses import dataclass

from accelsim.arch.planar.shared.reference.tiles import TilePlan
from accelsim.hw.memory.tiles import MayStay, Tiles


@dataclass
class RoundTraffic:
    """One round; what moves if nothing stays on chip. end: the cycle in which it ends."""

    weight_bits: int = 0
    activation_bits: int = 0
    output_bits: int = 0
    end: int = 0


class RoundLedger:
    """A layer's traffic, in rounds over all images and temporal tiles."""

    def __init__(self, plan: TilePlan) -> None:
        self.plan = plan
        self.rounds: list[RoundTraffic] = []

    def begin(self, tile_bits: int) -> None:
        """A round begins; tile_bits: the activations of its temporal tile, once whatever the parts."""
        first_of_tile = len(self.rounds) % len(self.plan.rounds) == 0
        fetches = first_of_tile or self.plan.activations_streamed
        self.rounds.append(RoundTraffic(activation_bits=tile_bits if fetches else 0))

    def fetch_weights(self, bits: int) -> None:
        """Of the round that has begun last."""
        self.rounds[-1].weight_bits += bits

    def end(self, number: int, cycle: int) -> None:
        """A round is over: it has come to its barrier or, when post-processing has its own time, through that, too."""
        self.rounds[number].end = cycle

    def write(self, number: int, bits: int) -> None:
        """Outputs of a round, which may have ended long before."""
        self.rounds[number].output_bits += bits

    def counts(self, outputs_fit: bool) -> dict[str, int]:
        """Bits by the name of the count; inputs and outputs that fit the PEs' RAMs do not travel."""
        inputs_fit = self.plan.activations_resident
        return {"dram_weight_bits": sum(one.weight_bits for one in self.rounds),
                "dram_activation_bits": 0 if inputs_fit else sum(one.activation_bits for one in self.rounds),
                "dram_output_bits": 0 if outputs_fit else sum(one.output_bits for one in self.rounds)}

    def tiles(self, cycles: int, outputs_fit: bool) -> Tiles:
        """The rounds as tiles of a layer that took so many cycles."""
        begins = [0, *(one.end for one in self.rounds[:-1])]
        return Tiles.of([end - begin for begin, end in zip(begins, [*begins[1:], cycles], strict=True)],
                        [one.weight_bits for one in self.rounds], [one.activation_bits for one in self.rounds],
                        [one.output_bits for one in self.rounds],
                        may_stay=MayStay(inputs=self.plan.activations_resident, outputs=outputs_fit))
