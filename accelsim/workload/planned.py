"""A workload before its tensors are drawn: layers with their shapes, densities and the sources of both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from accelsim.errors import ConfigError, shown
from accelsim.workload.tables import ConvShape, MatmulShape, Source
from accelsim.yaml import did_you_mean

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class PlannedLayer:
    """A layer with its densities and their sources (keys of `Workload.sources`); `matrix` is its real weight, if known.
    """

    shape: ConvShape | MatmulShape
    weight_density: float
    activation_density: float
    weight_source: str
    activation_source: str
    n_of_m: tuple[int, int] | None
    matrix: "np.ndarray | None" = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Workload:
    """One variant of a published workload; `layers` in order, `edges` pairs of their names."""

    name: str
    about: str
    layers: tuple[PlannedLayer, ...]
    edges: tuple[tuple[str, str], ...]
    sources: Mapping[str, Source]
    omitted: Mapping[str, str]
    signed_activations: bool

    @property
    def macs_dense(self) -> int:
        """Multiply-accumulates of a batch of one, all layers."""
        return sum(layer.shape.macs for layer in self.layers)

    def only(self, patterns: Iterable[str]) -> "Workload":
        """The layers whose names match one of `patterns` (`*` stands for any text), with the edges among them."""
        patterns = tuple(patterns)
        kept = tuple(x for x in self.layers if any(fnmatchcase(x.shape.name, p) for p in patterns))
        for pattern in patterns:
            if not any(fnmatchcase(x.shape.name, pattern) for x in kept):
                raise ConfigError(f"workload {self.name!r}: no layer is called {shown(pattern)}"
                                  f"{did_you_mean(pattern, [x.shape.name for x in self.layers])}")
        names = {x.shape.name for x in kept}
        edges = tuple(e for e in self.edges if names.issuperset(e))
        return Workload(self.name, self.about, kept, edges, self.sources, self.omitted, self.signed_activations)
