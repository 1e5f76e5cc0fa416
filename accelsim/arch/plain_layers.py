"""Layers of a kind that a machine does not know, run as the plain layers they are made of, one after the other."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from accelsim.arch.layer_run import Alone, LayerRun
from accelsim.errors import ModelError
from accelsim.hw.memory.tiles import LayerMemory, Tiles
from accelsim.result.work import added as added_work
from accelsim.workload.layer import Layer, PlainLayers


def run_plainly(plain: PlainLayers, run: Callable[[Layer], LayerRun]) -> LayerRun:
    """The sum of what `run` says of the plain layers; the output is put together from theirs."""
    runs = [run(layer) for layer in plain.layers]
    if len({one.slots for one in runs}) != 1:
        raise ModelError(f"layer {plain.layers[0].name!r} and those after it ran on unlike numbers of slots")
    outputs = [one.output for one in runs if one.output is not None]
    tiles = [one.tiles for one in runs if one.tiles is not None]
    first = runs[0]
    return LayerRun(
        cycles=sum(one.cycles for one in runs), slots=first.slots, stalls=summed([one.stalls for one in runs]),
        counts=summed([one.counts for one in runs]),
        notes=(plain.note, *dict.fromkeys(note for one in runs for note in one.notes)),
        mapping={"plain_layers": len(runs), "first": dict(first.mapping)},
        output=plain.output(outputs) if len(outputs) == len(runs) else None,
        tiles=Tiles.joined(tiles) if len(tiles) == len(runs) else None,
        memory=_memory([one.memory for one in runs if one.memory is not None]),
        alone=_alone([one.alone for one in runs if one.alone is not None]),
        work=added_work([one.work for one in runs]))


def summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The numbers of each name, added up; the names in the order of the first."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return {name: total[name] for name in counts[0]}


def _memory(parts: Sequence[LayerMemory]) -> LayerMemory | None:
    if not parts:
        return None
    return LayerMemory(summed([p.wait_cycles for p in parts]), summed([p.counts for p in parts]),
                       sum(p.channel_cycles for p in parts))


def _alone(parts: Sequence[Alone]) -> Alone | None:
    return Alone(sum(p.cycles for p in parts), summed([p.stalls for p in parts])) if parts else None
