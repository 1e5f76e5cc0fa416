"""Watching a PyTorch model run: every operator that carries MACs, on whatever path it is called.

The dispatcher hands over each operator before it runs, whether a module, a function, TorchScript or C++ calls it.
Composite operators are taken apart until what is left is known; one that carries MACs and has no rule is a problem.
"""

import math
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from accelsim.errors import RecordError
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.torch_program import Program
from accelsim.workload.importers.torch_rules import RULES, Product, may_carry_macs

_ENLARGERS = {"repeat"}
_MAKERS = {"zeros", "ones", "full", "empty", "rand", "randn", "empty_strided", "new_zeros", "new_full", "new_ones",
           "new_empty"} | _ENLARGERS
ACTIVATION = -1  # among a tensor's sources: it depends on the model's inputs


@dataclass(frozen=True)
class Meeting:
    """An operator that carries MACs, as it is met. position: its place in the order of execution.

    inside: composite operators that it is a part of.
    module: path of the innermost module that runs. weight: the constant weight's tensor, or None. sources: positions of
    the operators whose results reach this one.
    """

    position: int
    operator: str
    inside: tuple[str, ...]
    module: str
    product: Product
    weight: Any
    sources: frozenset[int]


class Watch(TorchDispatchMode):
    """A dispatch mode that calls `meet` for each operator that carries MACs, before it runs.

    inputs: tensors of the sample. skip: operators that are left out. replaced: position -> weight to run with.
    rounded: position -> scale per operand ("activation", "weight") that is rounded to it before it is multiplied.
    limits: of the run. `problems` has what no rule covers, `skipped` what was left out, after the run.
    """

    def __init__(self, inputs: Iterable[Any], skip: Collection[str], replaced: Mapping[int, torch.Tensor],
                 rounded: Mapping[int, Mapping[str, float]], meet: Callable[[Meeting], None],
                 limits: Limits) -> None:
        super().__init__()
        self._limits, self._until = limits, time.process_time() + limits.seconds
        self._skip, self._replaced, self._rounded, self._meet = skip, replaced, rounded, meet
        self._sources: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._zeros: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        for tensor in inputs:
            self._sources[tensor] = frozenset([ACTIVATION])
        self.modules: list[str] = [""]
        self._inside: list[str] = []
        self.problems: list[str] = []
        self.skipped: list[str] = []
        self.refusal: RecordError | None = None
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if time.process_time() > self._until:
            self._stop(f"running the model {self._limits.time_text}")
        namespace, name = func._schema.name.split("::")
        if name in self._skip:
            self.skipped.append(self._title(name))
        elif namespace == "aten" and name in RULES:
            return self._multiply(func, name, args, kwargs)
        elif func._can_decompose():
            self._inside.append(name)
            try:
                with self:
                    return func.decompose(*args, **kwargs)
            finally:
                self._inside.pop()
        elif may_carry_macs(namespace, name):
            self.problems.append(f"{self._title(name)} carries MACs, or may, and has no rule")
        return self._ran(func, name, args, kwargs)

    def _ran(self, func: Any, name: str, args: Any, kwargs: Any, position: int | None = None) -> Any:
        """Run the operator and note where its results come from."""
        before = self._behind(args, kwargs)
        if name in _MAKERS:
            self._check_size(name, args, kwargs)
        result = func(*args, **kwargs)
        found = before if position is None else frozenset([position])
        if found:
            for tensor in tree_leaves(result):
                if isinstance(tensor, torch.Tensor):
                    self._sources[tensor] = found
        if name == "constant_pad_nd" and (len(args) < 3 or args[2] == 0) and min(args[1]) >= 0:
            self._zeros[result] = list(zip(args[1][::2], args[1][1::2], strict=True))
        return result

    def _check_size(self, name: str, args: Any, kwargs: Any) -> None:
        """RecordError when an operator is asked to make a tensor that is too large."""
        sizes = next((a for a in [*args, *kwargs.values()] if isinstance(a, (list, tuple))), ())
        base = args[0].numel() if name in _ENLARGERS and isinstance(args[0], torch.Tensor) else 1
        elements = base * math.prod(int(n) for n in sizes if isinstance(n, (int, torch.SymInt)))
        if 4 * elements > self._limits.bytes:
            self._stop(f"{self._title(name)} asks for a tensor of {elements:,} elements; {self._limits.memory_way_out}")

    def _stop(self, why: str) -> None:
        """End the run with a RecordError, which TorchScript would turn into an error of its own."""
        self.refusal = RecordError(why)
        raise self.refusal

    def _behind(self, args: Any, kwargs: Any) -> frozenset[int]:
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        return frozenset().union(*(self._sources.get(t, frozenset()) for t in tensors))

    def _multiply(self, func: Any, name: str, args: Any, kwargs: Any) -> Any:
        product = RULES[name](args, kwargs, lambda t: t not in self._sources, self._zeros.get)
        if isinstance(product, str):
            self.problems.append(f"{self._title(name)} {product}")
            return self._ran(func, name, args, kwargs)
        position, self.count = self.count, self.count + 1
        sources = self._behind(args, kwargs)
        if position in self._replaced and product.weight_at is not None:
            args = [*args]
            args[product.weight_at] = self._replaced[position].to(args[product.weight_at].dtype)
            product = RULES[name](args, kwargs, lambda t: t not in self._sources, self._zeros.get)
            assert isinstance(product, Product)  # the same call, with another weight
        weight = None if product.weight_at is None else args[product.weight_at]
        self._meet(Meeting(position, name, tuple(self._inside), self.modules[-1], product, weight,
                           sources - {ACTIVATION}))
        args = [*args]
        for role, scale in self._rounded.get(position, {}).items():
            at, step = product.rounds[role], scale / (product.scale if role == "weight" else 1.0)
            args[at] = ((args[at].float() / step).round() * step).to(args[at].dtype)
        return self._ran(func, name, args, kwargs, position)

    def _title(self, name: str) -> str:
        return f"{name} in {self.modules[-1] or 'the model'}"


def run(model: Any, sample: Mapping[str, np.ndarray], skip: Collection[str], replaced: Mapping[int, torch.Tensor],
        rounded: Mapping[int, Mapping[str, float]], meet: Callable[[Meeting], None],
        limits: Limits) -> tuple[Watch, list[np.ndarray]]:
    """Run `model` on one sample under a Watch; also its floating-point outputs."""
    tensors = {k: _tensor(v) for k, v in sample.items()}
    watch = Watch([t for t in tensors.values() if isinstance(t, torch.Tensor)], skip, replaced, rounded, meet,
                  limits)
    hooks = [] if isinstance(model, torch.jit.ScriptModule) else [h for n, m in model.named_modules()
                                                                  for h in _hooks(watch, n, m)]
    if isinstance(model, Program):  # its modules do not run: its nodes say which they came from
        model.enter = lambda name: watch.modules.__setitem__(-1, name)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # fused paths hide their products
    try:
        with (_quiet(), torch.inference_mode(), torch.backends.mkldnn.flags(enabled=False),
              sdpa_kernel(SDPBackend.MATH), watch):
            result = model(tensors[""]) if set(tensors) == {""} else model(**tensors)
    except Exception:
        if watch.refusal is not None:
            raise watch.refusal from None
        raise
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for hook in hooks:
            hook.remove()
    outputs = [t for t in tree_leaves(result) if isinstance(t, torch.Tensor) and t.is_floating_point()]
    return watch, [t.detach().float().cpu().numpy() for t in outputs]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without PyTorch's remarks on how it computes: oneDNN switched off, SAME padding copied."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="TF32 acceleration|Using padding='same'")
        yield


def _tensor(array: np.ndarray) -> Any:
    return array.item() if array.ndim == 0 else torch.from_numpy(np.ascontiguousarray(array).copy())


def _hooks(watch: Watch, name: str, module: Any) -> list[Any]:
    """Hooks that keep `watch.modules` the stack of running modules; they return nothing, so they change nothing."""

    def enter(*_: Any) -> None:
        watch.modules.append(name)

    def leave(*_: Any) -> None:
        watch.modules.pop()

    return [module.register_forward_pre_hook(enter), module.register_forward_hook(leave, always_call=True)]
