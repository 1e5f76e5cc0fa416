"""Runs as comparable facts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import LayerRun, Machine
from accelsim.workload.layer import Layer

TOLERANCE = 1e-9  # of an output in floats, of its largest value


def facts(run: LayerRun) -> dict[str, Any]:
    """All that the twins must agree on, in one comparable dict."""
    work = None if run.work is None else {"": (run.work.grid, run.work.stalls, run.work.cells.tolist())}
    tiles = None if run.tiles is None else run.tiles.to_lists()
    parts = {"stall": run.stalls, "count": run.counts, "mapping": run.mapping, "tiles": tiles or {}, "work": work or {},
             "memory": {} if run.memory is None else vars(run.memory)}
    flat = {f"{part} {name}": value for part, some in parts.items() for name, value in some.items()}
    return {"cycles": run.cycles, "slots": run.slots} | flat


def differences(kernel: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Facts on which the twins disagree: name -> (kernel, reference). Mapping, tiles, work are optional."""
    names = [n for n in {**kernel, **reference} if not n.startswith(("mapping", "tiles", "work")) or n in reference]
    return {n: (kernel.get(n), reference.get(n)) for n in names if kernel.get(n) != reference.get(n)}


def check_traffic(run: LayerRun) -> None:
    """What the layer moves (`LayerRun.tiles`): its tiles take the run's cycles, and nothing of it is negative."""
    if run.tiles is not None:
        assert run.tiles.compute_cycles.sum() == run.cycles
        assert all(min(values, default=0) >= 0 for values in run.tiles.to_lists().values())


def check_output(model: Machine[Any], layer: Layer, config: ArchConfig, run: LayerRun) -> None:
    """The reference's output is what the machine says it computes; floats within `TOLERANCE`."""
    assert run.output is not None
    wanted = model.expected_output(layer, config)
    if not isinstance(wanted, np.ndarray):  # a sparse product
        assert layer.agrees(run.output)
    elif wanted.dtype.kind == "f":
        assert (run.output.dtype, run.output.shape) == (wanted.dtype, wanted.shape)
        scale = max(1.0, float(np.abs(wanted).max(initial=0)))
        np.testing.assert_allclose(run.output, wanted, rtol=0, atol=TOLERANCE * scale)
    else:
        np.testing.assert_array_equal(run.output, wanted, strict=True)
