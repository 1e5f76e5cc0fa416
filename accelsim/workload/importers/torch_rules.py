"""Which PyTorch operators carry MACs, and how a call of each reads as the operands of a layer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from accelsim.workload.importers.geometry import convolution, transposed_convolution, transposed_weight
from accelsim.workload.importers.site import Op, SiteOperands, matrices

Constant = Callable[[Any], bool]
# operators that cannot be taken apart and multiply (upsampling interpolates: its products are not MACs of a layer)
_MACS = re.compile(r"(?:^|_)(?:conv(?:olution)?\d?d?|\w*mm|mv|addmv|addr|v?dot|rnn|lstm|gru|attention|fft|stft|"
                   r"trilinear|cdist|linalg|mkldnn|linear|einsum|tensordot|matmul|bilinear|pdist|cov|corrcoef|kron)(?:_|$)")
_HARMLESS = re.compile(r"upsample_|_cat$")
_NAMESPACES = ("aten", "prim", "prims")


@dataclass(frozen=True)
class Product:
    """A call that carries MACs: where its constant weight is among the arguments (or None), how that reads as the
    layer's weight (moving elements only, `scale` multiplies it), and its operands. rounds: where the arguments are that
    become the layer's "activation" and, without a constant, its "weight"."""

    op: Op
    weight_at: int | None
    layout: Callable[[np.ndarray], np.ndarray]
    read: Callable[[], SiteOperands]
    activation: Any
    groups: int = 1
    scale: float = 1.0
    rounds: Mapping[str, int] = field(default_factory=lambda: {"activation": 0, "weight": 1})


def array(tensor: Any) -> np.ndarray:
    """A tensor's values as a float32 array of its own (later operators may work in place)."""
    return np.array(tensor.detach().float().cpu().numpy())


def may_carry_macs(namespace: str, name: str) -> bool:
    """True for an operator that is to be refused unless it has a rule."""
    if namespace not in _NAMESPACES:
        return True
    return bool(_MACS.search(name)) and not _HARMLESS.search(name)


def linear(args: Sequence[Any], kwargs: Mapping[str, Any], constant: Constant, zeros: Any) -> Product:
    """linear(x, weight [out, in], bias)."""
    x, weight = args[:2]
    bias = args[2] if len(args) > 2 else kwargs.get("bias")

    def read() -> SiteOperands:
        return SiteOperands(array(weight).reshape(-1, weight.shape[-1]), array(x).reshape(-1, x.shape[-1]),
                        None if bias is None else array(bias).reshape(-1))

    return Product("linear", 1 if constant(weight) else None, lambda a: a.reshape(-1, a.shape[-1]), read, x)


def product(args: Sequence[Any], kwargs: Mapping[str, Any], constant: Constant, zeros: Any) -> Product:
    """matmul, mm, bmm, mv, dot: numpy's `a @ b`."""
    return _product(args[0], args[1], None, 0, constant)


def added_product(args: Sequence[Any], kwargs: Mapping[str, Any], constant: Constant, zeros: Any) -> Product:
    """addmm, baddbmm: beta * added + alpha * a @ b."""
    alpha, beta = float(kwargs.get("alpha", 1)), float(kwargs.get("beta", 1))
    return _product(args[1], args[2], (args[0], alpha, beta), 1, constant)


def _product(a: Any, b: Any, added: tuple[Any, float, float] | None, first: int, constant: Constant) -> Product:
    """a @ b, whose matrices are the arguments `first` and `first` + 1."""
    alpha = added[1] if added else 1.0
    places = {"activation": first, "weight": first + 1}
    if constant(b) and b.ndim <= 2:
        def right(w: np.ndarray) -> np.ndarray:
            return w[:, None].T if w.ndim == 1 else w.T

        def rows() -> SiteOperands:
            weight = right(array(b))
            bias, note = _bias(added, len(weight))
            return SiteOperands(weight * np.float32(alpha), array(a).reshape(-1, a.shape[-1]), bias, note=note)

        return Product("linear", first + 1, right, rows, a, scale=alpha, rounds=places)
    if constant(a) and a.ndim <= 2:
        def left(w: np.ndarray) -> np.ndarray:
            return w[None] if w.ndim == 1 else w

        def columns() -> SiteOperands:
            vectors = array(b) if b.ndim > 1 else array(b)[:, None]
            return SiteOperands(left(array(a)) * np.float32(alpha),
                            vectors.swapaxes(-1, -2).reshape(-1, vectors.shape[-2]), note=_bias(added, -1)[1])

        return Product("linear", first, left, columns, b, scale=alpha, rounds={"activation": first + 1})

    def both() -> SiteOperands:
        x, y = matrices(array(a), array(b))
        return SiteOperands(y.swapaxes(1, 2) * np.float32(alpha), x, note=_bias(added, -1)[1])

    return Product("matmul", None, np.asarray, both, a, scale=alpha, rounds=places)


def _bias(added: tuple[Any, float, float] | None, outputs: int) -> tuple[np.ndarray | None, str | None]:
    if added is None or added[2] == 0:
        return None, None
    if tuple(added[0].shape) in ((outputs,), (1, outputs)):
        return array(added[0]).reshape(-1) * np.float32(added[2]), None
    return None, f"the added matrix {list(added[0].shape)} is not a bias and not part of the layer"


def conv(args: Sequence[Any], kwargs: Mapping[str, Any], constant: Constant, zeros: Any) -> Product | str:
    """convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups)."""
    x, weight, bias, stride, padding, dilation, transposed, _, groups = args[:9]
    if transposed:
        return _transposed(x, weight, groups, constant)
    if weight.ndim > 4:
        return f"is a convolution over {weight.ndim - 2} axes; 1-D and 2-D ones have a layer type"
    axes = weight.ndim - 2

    def each(value: Sequence[int]) -> list[int]:
        return list(value) * (axes if len(value) == 1 else 1)

    def read() -> SiteOperands:
        pads, activation = [(p, p) for p in each(padding)], array(x)
        extra = zeros(x)  # (before, after) per axis, from the last
        if extra is not None and len(extra) <= axes:
            extra = [(0, 0)] * (axes - len(extra)) + list(reversed(extra))
            lead = (slice(None),) * (activation.ndim - axes)
            inner = tuple(slice(a, n - b) for (a, b), n in zip(extra, activation.shape[-axes:], strict=True))
            activation = activation[lead + inner]
            pads = [(a + c, b + d) for (a, b), (c, d) in zip(pads, extra, strict=True)]
        if activation.ndim == weight.ndim - 1:  # one image without a batch axis
            activation = activation[None]
        return convolution("convolution", array(weight), activation, None if bias is None else array(bias),
                           each(stride), pads, each(dilation), groups)

    return Product("conv2d", 1 if constant(weight) else None, lambda a: a[:, :, None] if a.ndim == 3 else a, read, x,
                   groups)


def _transposed(x: Any, weight: Any, groups: int, constant: Constant) -> Product:
    def layout(w: np.ndarray) -> np.ndarray:
        return transposed_weight(w, groups)

    def read() -> SiteOperands:
        activation = array(x)[None] if x.ndim == weight.ndim - 1 else array(x)
        return transposed_convolution(array(weight), activation, groups)

    return Product("linear" if groups == 1 else "matmul", 1 if constant(weight) else None, layout, read, x)


RULES: Mapping[str, Callable[..., Product | str]] = {
    "linear": linear, "matmul": product, "mm": product, "bmm": product, "mv": product, "dot": product,
    "addmm": added_product, "baddbmm": added_product, "convolution": conv, "_convolution": conv,
}
