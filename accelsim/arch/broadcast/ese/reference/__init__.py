"""ESE, tick by tick, on the real values of every voice. Rules: docs/machines/ese.md."""

from typing import Any

import numpy as np

from accelsim.arch.broadcast.ese.reference.book import Book
from accelsim.arch.broadcast.ese.reference.voices import VoicesRun
from accelsim.arch.broadcast.ese.schedule import group_steps, slot_products, vectors_of
from accelsim.arch.broadcast.shared.reference.encode import EncodedMatrix, encode
from accelsim.arch.broadcast.shared.rows import assign_rows
from accelsim.arch.machine import LayerRun, Policy
from accelsim.errors import DeadlockError
from accelsim.workload.conv2d import Conv2d
from accelsim.workload.layer import Layer
from accelsim.workload.lowering import assemble, matrix_products
from accelsim.workload.recurrent import Recurrent


def run(layer: Layer, config: Any, policy: Policy) -> LayerRun:
    """Simulate `layer` on real values; also yields the output, shaped as `layer.output()`."""
    layer.check_values()
    book = Book(config)
    try:
        output = _steps(layer, book, policy) if isinstance(layer, Recurrent) else _products(layer, book, policy)
    except DeadlockError as error:
        raise DeadlockError(f"layer {layer.name!r}: {error}") from None
    return book.closed(output)


def _held(matrix: np.ndarray, config: Any, policy: Policy) -> EncodedMatrix:
    return encode(matrix.astype(np.int64), assign_rows(policy, matrix, config.pes), config.pes, config.index_bits)


def _multiplied(encoded: EncodedMatrix, vectors: np.ndarray, book: Book) -> np.ndarray:
    """One product, run and entered in the book: its sums [voice, row]."""
    machine = VoicesRun(encoded, vectors, book.config)
    machine.run()
    book.product(machine, encoded)
    return machine.sums()


def _products(layer: Layer, book: Book, policy: Policy) -> np.ndarray:
    """Matrix products: groups of vectors, one after the other."""
    channels, results = book.config.channels, []
    for product in matrix_products(layer):
        encoded = _held(product.matrix, book.config, policy)
        sums = np.zeros((len(product.vectors), len(product.matrix)), np.int64)
        for low in range(0, len(sums), channels):
            some, since = product.vectors[low:low + channels], book.cycles
            sums[low:low + channels] = _multiplied(encoded, some, book)
            bits = some.size * 16
            if isinstance(layer, Conv2d):
                images, planes, *plane = layer.activation.shape
                firsts = range(0, len(sums), len(sums) // images)
                begun = sum(low <= first < low + len(some) for first in firsts)
                bits = begun * planes // layer.groups * plane[0] * plane[1] * 16
            book.tile(since, encoded, bits, some.shape[0] * len(product.matrix) * 16)
        results.append(sums if product.bias is None else sums + product.bias)
    return assemble(layer, results)


def _steps(layer: Recurrent, book: Book, policy: Policy) -> np.ndarray:
    """Directions, groups, steps and the products of a step, one after the other."""
    config, overhead = book.config, book.config.slot_overhead_cycles
    rows = layer.cell.sums * layer.cells + (0 if layer.projection is None else layer.outputs)
    output = np.zeros((len(layer.cell.directions), layer.steps, layer.batch, rows), np.int64)
    for direction in range(len(output)):
        slots = slot_products(layer, direction)
        held = [_held(slot.matrix, config, policy) for slot in slots]
        for step in group_steps(layer, direction, config.channels):
            voices, since = len(step.sequences), book.cycles
            book.wait("prologue", config.prologue_slots * (layer.cells + overhead), voices)
            for number, (slot, encoded) in enumerate(zip(slots, held, strict=True)):
                if slot.waits:
                    book.wait("exposed", config.exposed_slots * (layer.cells + overhead), voices)
                begin, own = book.cycles, slice(slot.begin, slot.begin + len(slot.matrix))
                output[direction, step.step, step.sequences, own] += _multiplied(
                    encoded, vectors_of(layer, direction, slot, step), book)
                book.wait("element_wise", max(0, len(slot.matrix) + overhead - (book.cycles - begin)), voices)
                book.counts["element_steps"] += len(slot.matrix) * voices
                book.tile(since, encoded, layer.activation.shape[2] * voices * 16 if number == 0 else 0,
                          layer.outputs * voices * 16 if number == len(slots) - 1 else 0)
                since = book.cycles
            if layer.bias is not None:
                output[direction, step.step, step.sequences, :layer.bias.shape[1]] += layer.bias[direction]
    return output
