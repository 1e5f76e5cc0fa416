"""Recurrent layers of a recorded network, out of the products that its importer found.

A cell's products are recorded as the linear layers they are: x of all steps, h of all steps. Here they become one
layer. Sums of both are added, so both pairs of integers need one unit: the weights of a role share their scale, and x
or h is rounded more finely, up to 16 bits, until scale times scale is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from accelsim.workload.importers.site import CellPart, Scales, Site
from accelsim.workload.layer import Layer
from accelsim.workload.quantize import largest, quantize
from accelsim.workload.recurrent_cell import CellScales, RecurrentCell
from accelsim.workload.recurrent_maker import recurrent

_DIRECTIONS = ("forward", "reverse")
_STATE_ROLES = ("recurrent_weight", "candidate")


class Rows(NamedTuple):
    """What one call brings: rows of its activation, and how many of them are one step (None: the call is a step)."""

    rows: int
    batch: int | None


class Recorded(NamedTuple):
    """Layers, what `made_by` says of each, and the edges between their names."""

    layers: Sequence[Layer]
    notes: Mapping[str, Any]
    edges: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class RecordedCell:
    """The parts of one recurrent layer: sites by (direction, role)."""

    parts: Mapping[tuple[str, str], Site]

    @property
    def part(self) -> CellPart:
        found = next(iter(self.parts.values())).cell
        assert found is not None
        return found

    @property
    def directions(self) -> tuple[str, ...]:
        return tuple(d for d in _DIRECTIONS if (d, "weight") in self.parts)

    def of(self, *roles: str) -> list[Site]:
        """The sites of these roles, of all directions."""
        return [site for (_, role), site in self.parts.items() if role in roles]

    @property
    def is_whole(self) -> bool:
        wanted = {"weight", "recurrent_weight"}
        wanted |= set() if self.part.linear_before_reset or self.part.kind != "gru" else {"candidate"}
        found = [{role for d, role in self.parts if d == direction} for direction in _DIRECTIONS]
        roles = [f for f in found if f]
        return all(f == roles[0] and wanted <= f for f in roles) and len({s.name for s in self.parts.values()}) == len(
            self.parts)


def cells_of(layers: Mapping[str, Sequence[Site]]) -> list[RecordedCell]:
    """The recurrent layers of which every part was found, in the order of their first sites."""
    found: dict[str, dict[tuple[str, str], Site]] = {}
    for calls in layers.values():
        part = calls[0].cell
        if part is not None:
            found.setdefault(part.layer, {}).setdefault((part.direction, part.role), calls[0])
    return [cell for cell in map(RecordedCell, found.values()) if cell.is_whole]


def with_common_weights(cells: Sequence[RecordedCell], scales: Mapping[str, Scales]) -> dict[str, Scales]:
    """Scales with which all directions' weights of a role have one unit, and a gru's candidate that of its gates."""
    new = {}
    for cell in cells:
        for roles in (("weight",), _STATE_ROLES, ("projection",)):
            names = [site.name for site in cell.of(*roles)]
            for name in names:
                new[name] = scales[name]._replace(weight=max(scales[n].weight for n in names))
    return new


def with_common_sums(cells: Sequence[RecordedCell], scales: Mapping[str, Scales], bits: int) -> dict[str, Scales]:
    """Scales of x and h whose sums have one unit, the finer of the two where 16 bits hold all values."""
    new = {}
    for cell in cells:
        inputs, states = cell.of("weight"), cell.of(*_STATE_ROLES)
        units = [_weight(scales, sites) * max(scales[s.name].activation for s in sites) for sites in (inputs, states)]
        product = max(min(units), max(units) * largest(bits) / largest(16))
        for sites in (inputs, states):
            for site in sites:
                new[site.name] = Scales(scales[site.name].weight, product / _weight(scales, sites))
        projections = cell.of("projection")
        for site in projections:
            peak = max(scales[s.name].activation for s in projections)
            new[site.name] = Scales(scales[site.name].weight, peak)
    return new


def _weight(scales: Mapping[str, Scales], sites: Sequence[Site]) -> float:
    return float(np.max(scales[sites[0].name].weight))


def joined(cells: Sequence[RecordedCell], recorded: Recorded, rows: Mapping[str, Sequence[Rows]],
           scales: Mapping[str, Scales], samples: int) -> Recorded:
    """`recorded` with each cell's products as one recurrent layer, where their steps fit together."""
    layers = {layer.name: layer for layer in recorded.layers}
    notes, at = dict(recorded.notes), {name: name for name in layers}
    for cell in cells:
        names = [site.name for site in cell.parts.values()]
        form = _form(cell, rows, samples)
        if form is None or (cell.part.layer in layers and cell.part.layer not in names):
            continue
        made = _layer(cell, layers, form, scales)
        first = min(names, key=list(layers).index)
        note = {"source": cell.parts[cell.directions[0], "weight"].source, "weight": "constant",
                "products": {name: notes.pop(name) for name in names}}
        layers = {made.name if n == first else n: made if n == first else x for n, x in layers.items()
                  if n == first or n not in names}
        notes = {n: notes.get(n, note) for n in layers}
        at |= dict.fromkeys(names, made.name)
    place = {name: i for i, name in enumerate(layers)}
    edges = dict.fromkeys((at[a], at[b]) for a, b in recorded.edges if place[at[a]] < place[at[b]])
    return Recorded(list(layers.values()), notes, list(edges))


def _form(cell: RecordedCell, rows: Mapping[str, Sequence[Rows]], samples: int) -> list[tuple[int, int]] | None:
    """(steps, batch) of each sample; None where rows do not fit: packed sequences, several runs in reverse."""
    form: list[tuple[int, int]] = []
    calls = rows[cell.parts[cell.directions[0], "recurrent_weight"].name]
    per_sample = len(calls) // samples
    for sample in range(samples):
        own = calls[sample * per_sample:(sample + 1) * per_sample]
        batch = own[0].batch or own[0].rows
        if any((one.batch or one.rows) != batch for one in own):
            return None
        form.append((sum(one.rows for one in own) // batch, batch))
    for (direction, role), site in cell.parts.items():
        found, each = rows[site.name], len(rows[site.name]) // samples
        if direction == "reverse" and role == "weight" and each > 1:
            return None
        totals = [sum(one.rows for one in found[s * each:(s + 1) * each]) for s in range(samples)]
        if totals != [steps * batch for steps, batch in form]:
            return None
    return form


def _layer(cell: RecordedCell, layers: Mapping[str, Layer], form: Sequence[tuple[int, int]],
           scales: Mapping[str, Scales]) -> Layer:
    part, weights = cell.part, {}
    by_role = {role: [layers[cell.parts[d, role].name] for d in cell.directions]
               for role in ("weight", *_STATE_ROLES, "projection") if (cell.directions[0], role) in cell.parts}

    def vectors(role: str) -> np.ndarray:
        """[directions, T, B, in] in the order of time."""
        return _narrowed(np.stack([_steps(one.activation[0], form, d == "reverse" and role != "weight")
                                   for d, one in zip(cell.directions, by_role[role], strict=True)]))

    def matrix(*roles: str) -> np.ndarray:
        return np.stack([np.concatenate([by_role[r][d].weight[0] for r in roles if r in by_role])
                         for d in range(len(cell.directions))])

    def bias(*roles: str) -> np.ndarray | None:
        found = [[by_role[r][d].bias for r in roles if r in by_role] for d in range(len(cell.directions))]
        if any(b is None for one in found for b in one):
            return None
        return np.stack([np.concatenate([b for b in one if b is not None]) for one in found])

    weights = {"weight": matrix("weight"), "recurrent_weight": matrix(*_STATE_ROLES), "bias": bias("weight"),
               "recurrent_bias": bias(*_STATE_ROLES)}
    first = cell.directions[0]
    inputs, states = (scales[cell.parts[first, role].name] for role in ("weight", "recurrent_weight"))
    inner, projection, peephole = states.activation, 1.0, 1.0
    if "projection" in by_role:
        own = scales[cell.parts[first, "projection"].name]
        inner, projection = own.activation, float(np.max(own.weight)) * own.activation
        weights["projection"] = matrix("projection")
    peepholes = [site.cell.peepholes for site in cell.of("weight") if site.cell is not None]
    if all(p is not None for p in peepholes):
        weights["peepholes"], peephole = quantize(np.stack(peepholes), 16)  # type: ignore[arg-type]
    found = CellScales(float(np.max(inputs.weight)) * inputs.activation, states.activation, inner, projection, peephole)
    steps = [t for t, batch in form for _ in range(batch)]
    second = [role for role in ("candidate", "projection") if role in by_role]
    return recurrent(part.layer, RecurrentCell(part.kind, cell.directions, part.linear_before_reset, part.nonlinearity,
                                               found),
                     vectors("weight")[0], weights, states=vectors("recurrent_weight"),
                     inner=vectors(second[0]) if second else None, lengths=steps)


def _steps(rows: np.ndarray, form: Sequence[tuple[int, int]], reverse: bool) -> np.ndarray:
    """Rows of all samples as [T, B of all samples, in], zero after a shorter sample's end."""
    most, parts, first = max(t for t, _ in form), [], 0
    for steps, batch in form:
        part = rows[first:first + steps * batch].reshape(steps, batch, -1)
        part, first = part[::-1] if reverse else part, first + steps * batch
        parts.append(np.concatenate([part, np.zeros((most - steps, *part.shape[1:]), part.dtype)]))
    return np.concatenate(parts, axis=1)


def _narrowed(values: np.ndarray) -> np.ndarray:
    fits = values.dtype == np.int16 and np.abs(values.astype(np.int32)).max(initial=0) <= largest(8)
    return values.astype(np.int8) if fits else values
