"""What a timeline shows of the run besides its machine: whose cycles they are, DMA and the DRAM channel."""

from collections.abc import Sequence

import numpy as np

from accelsim.hw.memory import events as memory
from accelsim.result.result import LayerResult
from accelsim.timelines.chart import Chart, Process, Slices

# columns of a request with a begin and an end, and parts of a cycle that they are given in
ASKED = (memory.ASKED, memory.DONE, 1)
MOVED = (memory.MOVED_FROM, memory.MOVED_UNTIL, memory.PARTS)


def draw_layers(chart: Chart, pieces: np.ndarray, layers: Sequence[LayerResult]) -> None:
    """pieces [piece, (layer, begin, end)]: one slice each, of the layer's name."""
    track = chart.tracks(Process.LAYERS, ["layers"])
    names = chart.names([layer.name for layer in layers])
    facts = np.array([[layer.cycles, layer.slots] for layer in layers], np.int64)
    owner = pieces[:, 0]
    chart.blocks.append(Slices(np.repeat(track, len(pieces)), names[owner], pieces[:, 1], pieces[:, 2], facts[owner],
                              ("cycles", "slots")))


def draw_requests(chart: Chart, requests: np.ndarray, chosen: tuple[np.ndarray, np.ndarray],
                  layers: Sequence[LayerResult]) -> None:
    """requests[chosen[0]] as slices of their DMA buffers, requests[chosen[1]] on the channel."""
    asked, moved = chosen
    names = chart.names([f"{'write' if queue == 'outputs' else 'fetch'} {queue}" for queue in memory.QUEUES])
    for queue, buffer in np.unique(requests[:, [memory.QUEUE, memory.BUFFER]], axis=0).tolist():
        chart.tracks(Process.MEMORY, [_lane(queue, buffer)])
    for index, layer in enumerate(layers):
        own = requests[asked][requests[asked, memory.LAYER] == index]
        lanes = chart.tracks(Process.MEMORY, [_lane(q, b) for q, b in own[:, [memory.QUEUE, memory.BUFFER]].tolist()])
        chart.blocks.append(_block(own, lanes, names, ASKED, layer.name))
        own = requests[moved][requests[moved, memory.LAYER] == index]
        lanes = chart.tracks(Process.MEMORY, ["DRAM channel"] * len(own))
        chart.blocks.append(_block(own, lanes, names, MOVED, layer.name))


def _lane(queue: int, buffer: int) -> str:
    return f"DMA {memory.QUEUES[queue]}, buffer {buffer}"


def _block(own: np.ndarray, lanes: np.ndarray, names: np.ndarray, times: tuple[int, int, int], layer: str) -> Slices:
    begin, end, per_cycle = times
    return Slices(lanes, names[own[:, memory.QUEUE]], own[:, begin], own[:, end], own[:, [memory.TILE, memory.BITS]],
                 ("tile", "bits"), layer=layer, per_cycle=per_cycle)
