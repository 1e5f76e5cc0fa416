"""What a kind adds to the common rules. A kind's reference is a subclass with what its page says, and no more."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.arch.lanes.shared.config import LanesConfig
from accelsim.arch.lanes.shared.deal import Deal
from accelsim.arch.lanes.shared.products import LaneProduct
from accelsim.arch.lanes.shared.schedule import Schedule
from accelsim.workload.layer import Layer

FILLER = -1  # in place of a reduction index: an entry that only spans a long run of zeros


class Rules:
    """The common ones. `product`, `number` and `deal` are those at work; `original` is the product as it is stored."""

    stalls: tuple[str, ...] = ("busy", "zero_operand", "fragmentation", "unused")
    counts: tuple[str, ...] = ("macs", "multiplies", "weight_reads", "activation_reads", "sum_updates",
                               "outputs_written")
    lock_step = False  # a single lane, whose places are its PEs

    product: LaneProduct
    original: LaneProduct
    number: int
    deal: Deal

    def __init__(self, layer: Layer, config: Any) -> None:
        self.layer = layer
        self.config: LanesConfig = self.design(config)
        self.schedule: Schedule = self.config.schedule

    def design(self, config: Any) -> Any:
        """The config as the machine runs this layer."""
        return config

    def lowered(self) -> Layer:
        """The layer that is run in place of it."""
        return self.layer

    def begin(self, product: LaneProduct, original: LaneProduct, number: int, deal: Deal) -> None:
        """A product begins."""
        self.product, self.original, self.number, self.deal = product, original, number, deal

    # what a step does

    def effectual(self, output: int, position: int, indices: Sequence[int]) -> list[int]:
        """Of `indices`, those that take a place in a step of `output` at `position`."""
        weights, values = self.product.weights[output], self.product.values[position]
        wanted = {"all": lambda i: True, "activations": lambda i: values[i] != 0, "weights": lambda i: weights[i] != 0,
                  "both": lambda i: weights[i] != 0 and values[i] != 0}[self.schedule.effectual]
        return [index for index in indices if wanted(index)]

    def slot(self, weight: int, value: int) -> str:
        """What a multiplier does with two operands."""
        return "busy" if weight != 0 and value != 0 else "zero_operand"

    def least_unit_cycles(self, indices: Sequence[int], outputs: Sequence[int]) -> int:
        """Cycles that a unit takes at least, whatever it holds."""
        return 0

    def permute_cycles(self, turn: int, unit: int, positions: int) -> int:
        """Least cycles of a scope in which sums change their lanes."""
        return 0

    # what is counted and reported

    def more_counts(self, slots: Counter[str], rounds: int, groups: int) -> dict[str, int]:
        """Counts of this product beyond the common ones."""
        return {}

    def counted(self, slots: Counter[str], takes: Counter[str]) -> dict[str, int]:
        """The common counts of a layer, from what its slots did and its lanes took."""
        multiplies = slots["busy"] + slots["zero_operand"] + slots["filler"]
        return {"macs": slots["busy"], "multiplies": multiplies, "weight_reads": multiplies,
                "activation_reads": takes["activation_reads"], "sum_updates": takes["sum_updates"],
                "outputs_written": takes["outputs_written"]}

    def mapping(self) -> dict[str, Any]:
        """What the mapping reports besides products and rounds."""
        return {}

    # what is stored, in bits

    def weight_bits(self, outputs: Sequence[int], first_of_round: int) -> int:
        """Stored weights of the outputs of a round, whose first is number `first_of_round` of the deal."""
        return len(outputs) * self.original.weights.shape[1] * self.config.weight_bits

    def input_bits(self, inputs: np.ndarray) -> int:
        """Stored inputs [image or vector, channel, place] of the product."""
        return inputs.size * self.config.activation_bits

    def output_bits(self, outputs: int) -> int:
        """Stored outputs of a round."""
        return len(self.product.values) * outputs * self.config.activation_bits
