"""Running a model at the precision of its trace, so that the trace is what integer hardware would hold.

Rounding operands after a float model has run would leave layers that do not follow from one another: what layer 1's
integers give is not what layer 2 recorded. So the model itself runs on rounded weights and rounded activations:

    float run -> scale of every tensor -> model with rounded operands -> scales that nothing overflows -> recording

and every recorded input is, within half a step, what the recorded layers before it give. Integers that the model
stores itself keep their scales.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.errors import RecordError, TraceError
from accelsim.workload.importers.site import OpenedModel, Scales, Site, SiteOperands, weight_rows
from accelsim.workload.quantize import largest, magnitude, quantize, quantize_rows, step
from accelsim.workload.recorded_cells import cells_of, with_common_sums, with_common_weights

CHUNK_BYTES = 256 << 20
_ROUNDS = 8  # of raising scales
_ROOM = 1 / 128  # by so much more than needed, since scales further up still move
Plan = Mapping[str, list[Site]]


@dataclass(frozen=True)
class Precision:
    """Bits of weights and of activations (2 to 16). per_channel: constant weights have a scale per output."""

    weight: int = 8
    activation: int = 8
    per_channel: bool = False

    def of(self, role: str, site: Site) -> int:
        """Bits of one operand; an activation in the place of the weight is one.

        Those of recurrent layers may take 16: x and h have one unit of their products (see `recorded_cells`).
        """
        if role == "activation" and site.cell is not None:
            return 16
        return self.weight if role == "weight" and site.weight_is_constant else self.activation


def plan(sites: Sequence[Site]) -> dict[str, list[Site]]:
    """Sites by layer, in the order of execution."""
    found: dict[str, list[Site]] = {}
    for site in sites:
        found.setdefault(site.name, []).append(site)
    return found


def captured(source: OpenedModel, layers: Plan) -> Iterator[tuple[list[Site], list[SiteOperands]]]:
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


def _chunk(source: OpenedModel, chunk: list[list[Site]]) -> Iterator[tuple[list[Site], list[SiteOperands]]]:
    sites = [site for calls in chunk for site in calls]
    found: dict[str, list[SiteOperands]] = {}
    for sample in range(source.samples):
        for site, operands in zip(sites, source.capture(sites, sample), strict=True):
            found.setdefault(site.name, []).append(operands)
    for calls in chunk:
        yield calls, found.pop(calls[0].name)


def run_rounded(source: OpenedModel, layers: Plan, precision: Precision) -> tuple[dict[str, Scales], dict[str, float]]:
    """Let `source` run with operands of this precision from now on.

    Returns the scales of every layer, and the share of its non-zero constant weights that rounding turned into zeros.
    Raises RecordError for NaN or infinity in a tensor.
    """
    scales, stored = {}, set()
    for calls, operands in captured(source, layers):
        scales[calls[0].name] = _scales(calls[0], operands, precision)
        if operands[0].weight_scale is not None:
            stored.add(calls[0].name)
    cells = cells_of(layers)
    scales |= with_common_weights(cells, scales)
    lost = {}
    for name, calls in layers.items():
        if calls[0].weight_is_constant and name not in stored:
            lost[name] = _round_weight(source, calls, precision, scales[name].weight)
    for _ in range(_ROUNDS):
        source.round(scales)
        raised = _raised(source, layers, scales, precision)
        if not raised:
            break
        scales |= raised
    else:
        source.round(scales)
    return scales | with_common_sums(cells, scales, precision.activation), lost


def _scales(site: Site, operands: list[SiteOperands], precision: Precision) -> Scales:
    activation = operands[0].activation_scale
    if activation is None:
        peak = max(_peak(site, "activation", o.activation) for o in operands)
        activation = step(peak, precision.activation)
    weight: float | np.ndarray | None = operands[0].weight_scale
    if weight is None:
        bits = precision.of("weight", site)
        whole = step(max(_peak(site, "weight", o.weight) for o in _varying(site, operands)), bits)
        weight = whole
        if precision.per_channel and site.weight_is_constant and site.cell is None:
            peaks = (magnitude(row) for row in weight_rows(operands[0].weight))
            weight = np.array([step(peak, bits) if peak else whole for peak in peaks])
        weight = _roomy(site, weight, operands[0].bias, activation)
    return Scales(weight, activation)


def _raised(source: OpenedModel, layers: Plan, scales: Mapping[str, Scales], precision: Precision) -> dict[str, Scales]:
    """Wider scales of the layers whose operands, with all operands before them rounded, no longer fit."""
    raised = {}
    for calls, operands in captured(source, layers):
        site, new = calls[0], scales[calls[0].name]
        for role, given in (("weight", operands[0].weight_scale), ("activation", operands[0].activation_scale)):
            if given is not None or (role == "weight" and site.weight_is_constant):
                continue  # the model's own integers and rounded constants do not move
            bits = precision.activation if role == "activation" else precision.of(role, site)
            scale = getattr(new, role)
            peak = max(_peak(site, role, getattr(o, role)) for o in operands)
            if peak > scale * (largest(bits) + 0.5):
                new = new._replace(**{role: step(peak * (1 + _ROOM), bits)})
        if new is not scales[site.name]:
            raised[site.name] = new
    return raised


def _varying(site: Site, operands: list[SiteOperands]) -> list[SiteOperands]:
    return operands[:1] if site.weight_is_constant else operands


def _peak(site: Site, role: str, values: np.ndarray) -> float:
    """The largest magnitude of an operand. RecordError names what holds NaN or infinity."""
    try:
        return magnitude(values)
    except TraceError as error:
        raise RecordError(f"{site.title(role)}: {str(error).removeprefix('quantize: ')}") from None


def _roomy(site: Site, scale: float | np.ndarray, bias: np.ndarray | None, activation: float) -> float | np.ndarray:
    """`scale`, or the smallest above with which the bias, in units of both scales, is an int32."""
    if bias is None:
        return scale
    sizes = np.abs(bias.astype(np.float64))
    if not np.isfinite(sizes).all():
        raise RecordError(f"{site.title('bias')} holds NaN or infinity; clean the model first")
    least = np.iinfo(np.int32).max - 1
    if isinstance(scale, np.ndarray):
        return np.maximum(scale, sizes.reshape(-1) / least / activation)
    return max(scale, float(sizes.max(initial=0.0)) / least / activation)


def _round_weight(source: OpenedModel, calls: list[Site], precision: Precision, scale: float | np.ndarray) -> float:
    """Round a layer's constant weight in the model; the share of its non-zeros that became zeros."""
    floats = source.weight(calls[0])
    integers = integers_of(floats, precision.weight, scale)
    nonzero = int(np.count_nonzero(floats))
    lost = (nonzero - int(np.count_nonzero(integers))) / nonzero if nonzero else 0.0
    del floats  # a copy of the largest weight of a VGG has 400 MB
    if isinstance(scale, np.ndarray):
        shown = weight_rows(integers)
        values = shown * scale.astype(np.float32).reshape(-1, *[1] * (shown.ndim - 1))
        source.replace(calls[0], values.reshape(integers.shape))
    else:
        source.replace(calls[0], np.multiply(integers, np.float32(scale), dtype=np.float32))
    return lost


def integers_of(values: np.ndarray, bits: int, scale: float | np.ndarray) -> np.ndarray:
    """`values` in steps of `scale`, or of the scale of each output."""
    if isinstance(scale, np.ndarray):
        return quantize_rows(weight_rows(values), bits, scale).reshape(values.shape)
    return quantize(values, bits, scale)[0]
