"""State dicts that `torch.save` wrote, read by PyTorch's weights-only reader: tensors alone, nothing is run."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError, cut, reason
from accelsim.workload.importers.arrays import check_archive

_NESTED = ("state_dict", "model_state_dict", "model", "module", "net", "params", "ema")  # checkpoints of trainers


def read_state(path: Path) -> Mapping[str, np.ndarray]:
    """The tensors of a state dict or a checkpoint, sparse ones dense. Raises RecordError for all else."""
    from accelsim.workload.importers.torch import import_torch

    torch = import_torch()
    check_archive(path, "torch.save")
    import torch.sparse as sparse

    from accelsim.workload.importers.torch_plain import dense

    kinds = [getattr(sparse, f"SparseSemiStructuredTensor{kind}", None) for kind in ("CUTLASS", "CUSPARSELT")]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([k for k in kinds if k is not None]):
            warnings.simplefilter("ignore")
            content = torch.load(str(path), map_location="cpu", weights_only=True)
        tensors = _tensors(torch, content, path)
        return {name: _array(torch, dense(tensor)) for name, tensor in tensors.items()}
    except RecordError:
        raise
    except Exception as error:
        refused = next((line.strip() for line in str(error).splitlines() if "nsupported" in line), "")
        raise RecordError(f"{path}: holds more than tensors, or is damaged ({cut(refused, 200) or reason(error)}); "
                          "Python objects are never unpickled: save model.state_dict()") from None


def _tensors(torch: Any, content: Any, path: Path) -> dict[str, Any]:
    """The mapping of names to tensors in what was loaded."""
    for key in ("", *_NESTED):
        found = content if not key else content.get(key) if isinstance(content, Mapping) else None
        if isinstance(found, Mapping) and found and all(isinstance(k, str) for k in found):
            tensors = {k: v for k, v in found.items() if isinstance(v, torch.Tensor)}
            if tensors and (key or len(tensors) == len(found)):
                return tensors
    kind = type(content).__name__
    raise RecordError(f"{path}: holds a {kind} that is no state dict (names and tensors, or a checkpoint with one "
                      f"under {', '.join(_NESTED[:3])}); save model.state_dict()")


def _array(torch: Any, tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    array: np.ndarray = tensor.contiguous().numpy()
    return array
