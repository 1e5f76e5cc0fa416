"""The spec language: `METHOD:ARGUMENT:...`, for example `magnitude:0.9`, `nm:2:4` or `block:4x4:0.8`."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.errors import PruneError, shown
from accelsim.workload.prune import (
    balanced,
    bank,
    block,
    channels,
    column_combine,
    erk,
    filters,
    load,
    magnitude,
    nm,
    whole,
)
from accelsim.workload.prune.weights import Weights
from accelsim.yaml import did_you_mean

MAX_COUNT = 1 << 20  # a larger block, bank or number of PEs is a slip of the pen
Masks = Callable[..., Iterator[np.ndarray]]


@dataclass(frozen=True)
class Method:
    """One pruning method: how it is written, what it does, its mask function and the readers of its arguments."""

    usage: str
    about: str
    masks: Masks
    arguments: tuple[Callable[[str], Any], ...]


@dataclass(frozen=True)
class Spec:
    """A parsed spec: `text` as written, `masks(weights)` yields one mask (True = stays) per layer, in order."""

    text: str
    method: Method
    values: tuple[Any, ...]

    def masks(self, weights: Sequence[Weights]) -> Iterator[np.ndarray]:
        """Masks in the shapes of `weights`. Raises PruneError when a layer does not fit the method."""
        return self.method.masks(weights, *self.values)


def _sparsity(text: str) -> float:
    if not re.fullmatch(r"(\d+\.?\d*|\.\d+)(e-?\d+)?", text):
        raise ValueError(f"{text!r} is not a sparsity, wanted a share such as 0.9")
    value = float(text)
    if not 0 <= value < 1:
        raise ValueError(f"sparsity {text} is the share of zeros, wanted at least 0 and less than 1 (0.9 for 90 %)")
    return value


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= MAX_COUNT:
        raise ValueError(f"{text!r} is not a whole number from 1 to {MAX_COUNT:,}")
    return int(text)


def _losses(text: str) -> float:
    if not re.fullmatch(r"\d{1,3}(\.\d*)?|\.\d+", text):
        raise ValueError(f"{text!r} is no number of weights lost per row, such as 0.5")
    return float(text)


def _block(text: str) -> tuple[int, int]:
    rows, cross, cols = text.partition("x")
    if not cross:
        raise ValueError(f"block {text!r} is not ROWSxCOLUMNS, such as 4x4 or 1x8")
    return _count(rows), _count(cols)


METHODS = {
    "magnitude": Method("magnitude:S", "smallest weights of each layer", magnitude.masks, (_sparsity,)),
    "global": Method("global:S", "smallest weights of the whole network", whole.masks, (_sparsity,)),
    "erk": Method("erk:S", "smallest weights, denser small layers (Erdos-Renyi kernel)", erk.masks, (_sparsity,)),
    "nm": Method("nm:N:M[:im2col]", "at most N of M along input channels", nm.masks, (_count, _count)),
    "block": Method("block:RxC:S", "blocks of R outputs by C inputs", block.masks, (_block, _sparsity)),
    "bank": Method("bank:B:S", "equally many in each B inputs of a row", bank.masks, (_count, _sparsity)),
    "balanced": Method("balanced:PES:S", "equally many for each PE, rows dealt round-robin (ESE)", balanced.masks,
                       (_count, _sparsity)),
    "load": Method("load:PES:WINDOW:S", "equally many for each PE in every WINDOW columns", load.masks,
                   (_count, _count, _sparsity)),
    "filter": Method("filter:S", "whole filters (outputs)", filters.masks, (_sparsity,)),
    "column_combine": Method("column_combine:ALPHA:GAMMA", "conflicts of packed columns (column combining)",
                             column_combine.masks, (_count, _losses)),
    "channel": Method("channel:S", "whole input channels", channels.masks, (_sparsity,)),
}


def parse(text: str) -> Spec:
    """The spec behind `text`. Raises PruneError that says what was wanted."""
    if not isinstance(text, str):
        raise PruneError(f"pruning spec {shown(text)} is not text, wanted for example 'magnitude:0.9' or 'nm:2:4'")
    name, *given = text.strip().split(":")
    if name not in METHODS:
        raise PruneError(f"pruning spec {shown(text)}: no method {shown(name)}{did_you_mean(name, METHODS)}; "
                         f"wanted one of {', '.join(m.usage for m in METHODS.values())}")
    method = METHODS[name]
    order = [given.pop() == "im2col"] if name == "nm" and len(given) == 3 else []
    if len(given) != len(method.arguments) or order == [False]:
        raise PruneError(f"pruning spec {shown(text)}: wanted {method.usage}")
    try:
        values = tuple(read(part) for read, part in zip(method.arguments, given, strict=True))
    except ValueError as error:
        raise PruneError(f"pruning spec {shown(text)}: {error}; wanted {method.usage}") from None
    if name == "nm":
        values += (bool(order),)
        if values[0] > values[1]:
            raise PruneError(f"pruning spec {shown(text)}: {values[0]} of {values[1]} cannot stay; wanted N <= M")
    return Spec(text.strip(), method, values)
