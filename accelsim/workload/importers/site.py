"""What every importer yields: sites (operators that multiply) and their operands for one sample."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

Op = Literal["conv2d", "linear", "matmul"]


@dataclass(frozen=True)
class SiteOperands:
    """The floats that one sample brings to a site, in the axes of `accelsim.workload.layer`.

    conv2d: weight [K, C/groups, R, S], activation [N, C, H, W]; linear: [out, in], [rows, in];
    matmul: [groups, out, in], [groups, rows, in]. `geometry` are the keyword arguments of `accelsim.conv2d`;
    of a part of a recurrent layer that has all steps at once, `batch`.

    An operand with a scale (`weight_scale`, `activation_scale`) holds the integers that the model itself stores, as
    int8 or int16 with the zero point taken off: value = integer * scale. A weight's scale may be one per output.
    """

    weight: np.ndarray
    activation: np.ndarray
    bias: np.ndarray | None = None
    geometry: Mapping[str, Any] | None = None
    note: str | None = None
    weight_scale: "float | np.ndarray | None" = None
    activation_scale: float | None = None


class CellPart(NamedTuple):
    """What a site is to the recurrent layer that it belongs to.

    layer: that layer's name. role: weight, recurrent_weight, candidate (a gru's own product) or projection. direction,
    kind, linear_before_reset and nonlinearity: see `accelsim.RecurrentCell`. peepholes: floats [3, H] (i, f, o).
    """

    layer: str
    role: str
    direction: str
    kind: str
    linear_before_reset: bool = True
    nonlinearity: str = "tanh"
    peepholes: np.ndarray | None = None


@dataclass(frozen=True)
class Site:
    """One operator of the model that carries MACs.

    name: the layer it becomes (several sites of one name are calls of one weight). source: how the model calls it.
    weight_is_constant: False when both operands are activations. activation_bytes: for one sample, as float32.
    key: what the importer finds it by. operands: what the model calls "weight", "activation" and "bias", where that is
    known. cell: the recurrent layer that it is a part of, if it is.
    """

    name: str
    op: Op
    source: str
    weight_is_constant: bool
    weight_shape: tuple[int, ...]
    activation_bytes: int
    groups: int = 1
    key: Any = None
    operands: Mapping[str, str] = field(default_factory=dict)
    cell: CellPart | None = None

    def title(self, role: str) -> str:
        """How a message calls one of its operands."""
        return f"{self.source}: {role}" + (f" {self.operands[role]!r}" if role in self.operands else "")


class Scales(NamedTuple):
    """What one step of a layer's integers is worth: value = integer * scale. A weight may have one per output."""

    weight: float | np.ndarray
    activation: float


class OpenedModel(ABC):
    """A model with its samples, opened by an importer.

    The model's own integers (see `Operands`) stay as they are: they are never rounded again.

    packages: versions of what computes the activations. sites: in the order of execution. edges: pairs of layer names.
    left_out: operators that the caller leaves out. notes: provenance. samples: how many there are.
    """

    importer: str
    packages: Mapping[str, str]
    sites: Sequence[Site]
    edges: Sequence[tuple[str, str]]
    left_out: Sequence[str]
    notes: Mapping[str, Any]
    samples: int

    @abstractmethod
    def capture(self, sites: Sequence[Site], sample: int) -> list[SiteOperands]:
        """Run one sample and return the operands of `sites`, in order."""

    @abstractmethod
    def weight(self, site: Site) -> np.ndarray:
        """A site's constant weight, floats (stored integers times their scales), in the axes of `Operands`."""

    @abstractmethod
    def replace(self, site: Site, values: np.ndarray) -> None:
        """From now on the model runs with `values`, in the axes of `Operands`, as this site's weight."""

    @abstractmethod
    def round(self, scales: Mapping[str, Scales]) -> None:
        """From now on every operator multiplies activations rounded to its layer's scale (replacing earlier scales).

        `capture` still returns them as they were before. The operands inside recurrent cells stay as they are.
        """

    @abstractmethod
    def outputs(self, sample: int) -> list[np.ndarray]:
        """What the model itself returns for one sample."""

    @abstractmethod
    def close(self) -> None:
        """Free files and memory."""


class Names:
    """Layer names: each new one is unique, a repeated wish gets `#2`, `#3`..."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def unique(self, wish: str) -> str:
        """`wish`, or `wish#k` when it is taken."""
        count = self._seen[wish] = self._seen.get(wish, 0) + 1
        return wish if count == 1 else self.unique(f"{wish}#{count}")


def matrices(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The operands of numpy's `a @ b` as [groups, m, k] and [groups, k, n]."""
    a, b = (a[None] if a.ndim == 1 else a), (b[:, None] if b.ndim == 1 else b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left, right = (np.broadcast_to(x, (*batch, *x.shape[-2:])).reshape(-1, *x.shape[-2:]) for x in (a, b))
    return left, right


def weight_rows(weight: np.ndarray) -> np.ndarray:
    """A weight in the axes of `Operands` as [outputs, ...]: one row per scale."""
    return weight.reshape(-1, weight.shape[2]) if weight.ndim == 3 else weight


def write_through(array: np.ndarray, layout: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> None:
    """Change `array` so that `layout` shows `values` of it; what it does not show stays.

    `layout` may transpose, reshape, slice and reorder, so positions are followed through it by their index.
    """
    view = layout(array)
    if np.may_share_memory(view, array):
        view[...] = values
    else:
        positions = layout(np.arange(array.size, dtype=np.int64).reshape(array.shape))
        array.reshape(-1)[positions] = values


def forward_edges(order: Iterable[str], sources: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """(from, to) pairs of layers. What would lead backwards (a cell's state into the next step) is left out."""
    position = {name: i for i, name in enumerate(dict.fromkeys(order))}
    pairs = {(a, b) for b, found in sources.items() for a in found if position[a] < position[b]}
    return sorted(pairs, key=lambda pair: (position[pair[1]], position[pair[0]]))
