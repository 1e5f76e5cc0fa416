"""What a reference says that a layer moves, for tests that work it out by hand."""

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import machine
from accelsim.workload.layer import Layer


def reference_tiles(layer: Layer, config: ArchConfig) -> dict[str, list[int]]:
    """The tiles by name under the published policy, without what stays on chip.

    The machine is one whose weights come to a buffer before.
    """
    model = machine(config.kind)
    result = model.reference(layer, config, next(iter(model.policies.values())))
    assert result.tiles is not None
    assert result.tiles.compute_cycles.sum() == result.cycles
    moved = result.tiles.moved(config.resident_weights, config.resident_activations).to_lists()
    assert not any(moved.pop("load_cycles")), "everything comes to a buffer before"
    return moved
