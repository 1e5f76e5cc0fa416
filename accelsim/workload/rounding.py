"""Running a model at the precision of its trace, so that the trace is what integer hardware would hold.

Rounding operands after a float model has run would leave layers that do not follow from one another: what layer 1's
integers give is not what layer 2 recorded. So the model itself runs on rounded weights and rounded activations:

    float run -> scale of every tensor -> model with rounded operands -> scales that nothing overflows -> recording

and every recorded input is, within half a step, what the recorded layers before it give.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from accelsim.errors import RecordError, TraceError
from accelsim.workload.importers.site import Operands, Scales, Site, Source
from accelsim.workload.quantize import largest, magnitude, quantize, step

CHUNK_BYTES = 256 << 20
_ROUNDS = 8  # of raising scales
_ROOM = 1 / 128  # by so much more than needed, since scales further up still move
Plan = Mapping[str, list[Site]]


def plan(sites: Sequence[Site]) -> dict[str, list[Site]]:
    """Sites by layer, in the order of execution."""
    found: dict[str, list[Site]] = {}
    for site in sites:
        found.setdefault(site.name, []).append(site)
    return found


def captured(source: Source, layers: Plan) -> Iterator[tuple[list[Site], list[Operands]]]:
    """Each layer's calls with their operands of all samples, a chunk of layers per run of the model."""
    chunk: list[list[Site]] = []
    size = 0
    for calls in [*layers.values(), None]:
        own = 0 if calls is None else sum(s.activation_bytes for s in calls) * source.samples
        if chunk and (calls is None or size + own > CHUNK_BYTES):
            yield from _chunk(source, chunk)
            chunk, size = [], 0
        if calls is not None:
            chunk.append(calls)
            size += own


def _chunk(source: Source, chunk: list[list[Site]]) -> Iterator[tuple[list[Site], list[Operands]]]:
    sites = [site for calls in chunk for site in calls]
    found: dict[str, list[Operands]] = {}
    for sample in range(source.samples):
        for site, operands in zip(sites, source.capture(sites, sample), strict=True):
            found.setdefault(site.name, []).append(operands)
    for calls in chunk:
        yield calls, found.pop(calls[0].name)


def run_rounded(source: Source, layers: Plan, bits: int) -> tuple[dict[str, Scales], dict[str, float]]:
    """Let `source` run with operands of so many bits from now on.

    Returns the scales of every layer, and the share of its non-zero constant weights that rounding turned into zeros.
    Raises RecordError for NaN or infinity in a tensor.
    """
    scales: dict[str, Scales] = {}
    for calls, operands in captured(source, layers):
        weight, activation = _peaks(calls[0], operands)
        found = Scales(step(weight, bits), step(activation, bits))
        scales[calls[0].name] = found._replace(weight=max(found.weight, _room_for_bias(operands, found.activation)))
    lost = {}
    for name, calls in layers.items():
        if calls[0].weight_is_constant:
            lost[name] = _round_weight(source, calls, bits, scales[name].weight)
    for _ in range(_ROUNDS):
        source.round(scales)
        raised = _raised(source, layers, scales, bits)
        if not raised:
            return scales, lost
        scales |= raised
    source.round(scales)
    return scales, lost


def _raised(source: Source, layers: Plan, scales: Mapping[str, Scales], bits: int) -> dict[str, Scales]:
    """Wider scales of the layers whose operands, with all operands before them rounded, no longer fit."""
    raised = {}
    for calls, operands in captured(source, layers):
        old, peaks = scales[calls[0].name], _peaks(calls[0], operands)
        fits = [peak <= scale * (largest(bits) + 0.5) for peak, scale in zip(peaks, old, strict=True)]
        if not all(fits):
            raised[calls[0].name] = Scales(*(scale if ok else step(peak * (1 + _ROOM), bits)
                                             for ok, peak, scale in zip(fits, peaks, old, strict=True)))
    return raised


def _peaks(site: Site, operands: list[Operands]) -> tuple[float, float]:
    weights = operands[:1] if site.weight_is_constant else operands
    return (max(_peak(site, "weight", o.weight) for o in weights),
            max(_peak(site, "activation", o.activation) for o in operands))


def _peak(site: Site, role: str, values: np.ndarray) -> float:
    """The largest magnitude of an operand. RecordError names what holds NaN or infinity."""
    try:
        return magnitude(values)
    except TraceError as error:
        raise RecordError(f"{site.source}: {role}: {str(error).removeprefix('quantize: ')}") from None


def _room_for_bias(operands: list[Operands], activation_scale: float) -> float:
    """The smallest weight scale with which the bias, in units of both scales, is an int32."""
    bias = operands[0].bias
    if bias is None:
        return 0.0
    highest = float(np.abs(bias).max(initial=0.0))
    if not np.isfinite(highest):
        raise RecordError("bias holds NaN or infinity; clean the model first")
    return highest / (np.iinfo(np.int32).max - 1) / activation_scale


def _round_weight(source: Source, calls: list[Site], bits: int, scale: float) -> float:
    """Round a layer's constant weight in the model; the share of its non-zeros that became zeros."""
    floats = source.weight(calls[0])
    integers, _ = quantize(floats, bits, scale)
    nonzero = int(np.count_nonzero(floats))
    lost = (nonzero - int(np.count_nonzero(integers))) / nonzero if nonzero else 0.0
    del floats  # a copy of the largest weight of a VGG has 400 MB
    source.replace(calls[0], np.multiply(integers, np.float32(scale), dtype=np.float32))
    return lost
