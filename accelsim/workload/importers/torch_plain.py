"""A module whose weights are sparse or of half precision, as a dense float32 one while it is recorded.

Sparse kernels hide their products from the dispatcher, and half precision would round between two integer steps.
Every float16 and bfloat16 is a float32 exactly; the values of a sparse weight are its values.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from accelsim.workload.importers.torch_program import NARROW, Program, note


def dense(tensor: torch.Tensor) -> torch.Tensor:
    """A sparse tensor (COO, CSR and their blocked kin, 2:4 semi-structured) as the dense one that it stands for."""
    if type(tensor).__name__.startswith("SparseSemiStructured"):
        return _from_2_4(tensor)
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def _from_2_4(tensor: Any) -> torch.Tensor:
    """2:4 tensors multiply on GPUs alone; a product with the identity is how PyTorch itself reads them."""
    from torch.sparse._semi_structured_conversions import sparse_semi_structured_to_dense_cutlass

    if getattr(tensor, "meta", None) is None:
        return tensor.to_dense()
    return sparse_semi_structured_to_dense_cutlass(tensor.packed, tensor.meta)


@contextmanager
def plain(model: torch.nn.Module) -> Iterator[list[str]]:
    """The model with dense float32 weights, and what was changed in words; its own tensors come back at the end."""
    if isinstance(model, Program):
        yield model.computed
        return
    if isinstance(model, torch.jit.ScriptModule):
        kinds = {t.dtype for t in [*model.parameters(), *model.buffers()] if t.is_floating_point()} & set(NARROW)
        if kinds:
            _convert_script(model, torch.float32)
        yield sorted(note(kind) for kind in kinds)
        if kinds:
            _convert_script(model, next(iter(kinds)))
        return
    before: list[tuple[dict[str, Any], str, Any]] = []
    made: dict[int, torch.Tensor] = {}
    notes: set[str] = set()
    for module in model.modules():
        for shelf in (module._parameters, module._buffers):
            for name, tensor in shelf.items():
                new = None if tensor is None else _plain(tensor, made, notes)
                if new is not None:
                    before.append((shelf, name, tensor))
                    made[id(tensor)] = new
    for shelf, name, tensor in before:
        shelf[name] = made[id(tensor)]
    try:
        yield sorted(notes)
    finally:
        for shelf, name, tensor in before:
            shelf[name] = tensor


def _convert_script(model: Any, dtype: torch.dtype) -> None:
    """A TorchScript module in another precision; recurrent cells keep a list of their weights, which must follow."""
    model.to(dtype)
    for module in model.modules():
        if hasattr(module, "_flat_weights") and hasattr(module, "_flat_weights_names"):
            module._flat_weights = [getattr(module, name) for name in module._flat_weights_names]


def _plain(tensor: torch.Tensor, made: dict[int, torch.Tensor], notes: set[str]) -> torch.Tensor | None:
    """What stands for `tensor` while it is recorded, None for itself."""
    if id(tensor) in made:
        return made[id(tensor)]
    sparse = type(tensor).__name__.startswith("SparseSemiStructured") or tensor.layout != torch.strided
    if not sparse and tensor.dtype not in NARROW:
        return None
    if sparse:
        notes.add("sparse weights computed dense")
    found = dense(tensor.detach())
    if found.dtype in NARROW:
        notes.add(note(found.dtype))
        found = found.float()
    return torch.nn.Parameter(found, requires_grad=False) if isinstance(tensor, torch.nn.Parameter) else found
