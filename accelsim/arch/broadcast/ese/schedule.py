"""What a recurrent layer is on ESE: the products of a step, and the groups of voices that run it.

Rules: docs/machines/ese.md, "Recurrent layers". What a product or a slot takes is for the engines.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from accelsim.workload.recurrent import Recurrent


class SlotProduct(NamedTuple):
    """A product of every step. matrix [rows, in]. source: what it reads. begin: its first row in the layer's output.

    waits: it reads an element-wise result of its own step.
    """

    matrix: np.ndarray
    source: Literal["activation", "states", "inner"]
    begin: int
    waits: bool


class GroupStep(NamedTuple):
    """A step of a group: the sequences that are not over, ascending."""

    step: int
    sequences: np.ndarray


def slot_products(layer: Recurrent, direction: int) -> list[SlotProduct]:
    """The products of a step, in their order."""
    cells, gates = layer.cells, layer.cell.gates
    slots = []
    for gate in range(gates):
        own = slice(gate * cells, (gate + 1) * cells)
        slots.append(SlotProduct(layer.weight[direction, own], "activation", own.start, waits=False))
    for gate in range(gates):
        own = slice(gate * cells, (gate + 1) * cells)
        candidate = layer.cell.kind == "gru" and gate == gates - 1
        resets = candidate and layer.cell.resets_before_product
        slots.append(SlotProduct(layer.recurrent_weight[direction, own], "inner" if resets else "states",
                                 own.start + candidate * cells, waits=resets))
    if layer.projection is not None:
        slots.append(SlotProduct(layer.projection[direction], "inner", gates * cells, waits=True))
    return slots


def group_steps(layer: Recurrent, direction: int, channels: int) -> Iterator[GroupStep]:
    """The steps of a direction, group after group of up to `channels` sequences."""
    for low in range(0, layer.batch, channels):
        for step in layer.order(direction):
            alive = layer.alive(step)
            own = alive[(alive >= low) & (alive < low + channels)]
            if len(own):
                yield GroupStep(step, own)


def vectors_of(layer: Recurrent, direction: int, slot: SlotProduct, step: GroupStep) -> np.ndarray:
    """[voice, in]: what a product reads in a step of a group."""
    if slot.source == "activation":
        found: np.ndarray = layer.activation[step.step, step.sequences]
        return found
    tensor = layer.states if slot.source == "states" else layer.inner
    assert tensor is not None
    inside: np.ndarray = tensor[direction, step.step, step.sequences]
    return inside
