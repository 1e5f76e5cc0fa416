"""What a run tells its user besides numbers is the same by both engines."""

import numpy as np
import pytest

import accelsim
from accelsim import shipped
from accelsim.errors import UnsupportedLayerError

RNG = np.random.default_rng(5)


def values(*shape: int) -> np.ndarray:
    return (RNG.integers(-9, 10, shape) * (RNG.random(shape) < 0.6)).astype(np.int8)


LAYERS = [accelsim.conv2d("conv", values(4, 2, 3, 3), values(1, 4, 8, 8), padding=1, groups=2),
          accelsim.linear("fc", values(12, 16), values(3, 16), values(12)),
          accelsim.linear("vector", values(5, 9), values(9)),
          accelsim.matmul("attention", values(2, 4, 16), values(2, 5, 16))]
# designs on which layers do not fit, in the ways that have a note
TIGHT = {"eie": {"spmat_kbytes": 0.01, "pointer_kbytes": 0.01, "weight_bits": 2, "pes": 2},
         "scnn": {"iaram_bits": 40}, "dcnn": {"iaram_bits": 40}, "procrustes": {"phases": "forward,weight_update"},
         "a100_40gb": {}}


DESIGNS: list[tuple[str, dict[str, object]]] = [*((name, {}) for name in shipped.names("arch")), *TIGHT.items()]


@pytest.mark.parametrize(("arch", "changes"), DESIGNS, ids=str)
def test_notes_of_both_engines_are_equal(arch: str, changes: dict[str, object]) -> None:
    policies = {"a100_1_4": "dense_fallback", "a100_4_8": "dense_fallback", "a100_40gb": "dense_fallback"}
    noted = []
    for layer in LAYERS:
        try:
            kernel, reference = (accelsim.simulate(layer, arch, engine, policies.get(arch), changes)
                                 for engine in ("kernel", "reference"))
        except UnsupportedLayerError:
            continue
        assert kernel.notes == reference.notes
        noted += kernel.notes
    assert noted or not changes


@pytest.mark.parametrize("dram", [None, 25.6])
def test_a_layer_without_work_on_procrustes(dram: float | None) -> None:
    """Backward alone, on a layer fed by the data: nothing runs, by both engines, and the table says so."""
    trace = accelsim.Trace([LAYERS[0], LAYERS[1]], "t", edges=())
    changes: dict[str, object] = {"phases": "backward", "input_layers": "conv"} | ({"dram.gbps": dram} if dram else {})
    kernel, reference = (accelsim.simulate(trace, "procrustes", engine, set=changes)
                         for engine in ("kernel", "reference"))
    for result in (kernel, reference):
        idle, busy = result.layers
        assert (idle.cycles, idle.energy_pj, set(idle.stalls.values()), set(idle.counts.values())) == (0, 0.0, {0}, {0})
        assert idle.work is not None and idle.work.total == 0 and busy.cycles > 0
        assert idle.notes == ("no pass runs: phases has backward alone, and the layer is among input_layers",)
        assert idle.roofline.dram_cycles in (None, 0)
    assert [x.to_dict() for x in kernel.layers] == [x.to_dict() for x in reference.layers]
    assert (reference.layers[0].output == LAYERS[0].output()).all()
    alone = accelsim.simulate(LAYERS[0], "procrustes", set=changes)
    assert "no cycle passed: nothing ran" in str(alone) and "1 slot-cycles" not in str(alone)
