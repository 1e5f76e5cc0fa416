"""PyTorch models in files: TorchScript and `torch.export` programs, and modules of Python code.

Both kinds of files hold programs. What they may call is checked before they run (`torch_operators`).
"""

import importlib
import importlib.util
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelsim.errors import RecordError
from accelsim.workload.importers.arrays import check_archive
from accelsim.workload.importers.onnx_file import first_line
from accelsim.workload.importers.torch import import_torch
from accelsim.workload.importers.torch_operators import allowed

FILES = (".pt", ".pth", ".jit", ".ts", ".pt2")
_RUNS_ON_LOADING = b"__setstate__"  # methods of this name run while a file is loaded, before its graph can be read


def load(text: str) -> Any:
    """The module behind `module:callable`, `file.py:callable`, or a file with a program.

    The callable is a torch.nn.Module or returns one. Raises RecordError when there is none.
    """
    torch = import_torch()
    path = Path(text)
    if path.suffix in FILES:
        kind = kind_of(path)
        if kind == "pt2":
            from accelsim.workload.importers.torch_program import read_program

            return read_program(path)
        if kind == "state":
            raise RecordError(f"{text}: a file of torch.save: weights, or pickled Python objects, which are never "
                              "loaded as such. Give weights (a state dict) with a network (--network, see "
                              "docs/record.md), save the whole model with torch.export.save, or give module:callable")
        return _script(torch, path)
    place, _, name = text.rpartition(":")
    try:
        module = _python_file(Path(place)) if place.endswith(".py") else _python_module(place)
        found = getattr(module, name)
        model = found if isinstance(found, torch.nn.Module) else found()
    except Exception as error:
        raise RecordError(f"{text}: no model could be had from there ({type(error).__name__}: {first_line(error)}); "
                          "wanted module:callable, where the callable returns a torch.nn.Module") from None
    if not isinstance(model, torch.nn.Module):
        raise RecordError(f"{text}: gave a {type(model).__name__}, wanted a torch.nn.Module")
    return model


def kind_of(path: Path) -> str:
    """What an archive of PyTorch holds: "pt2", "script" or "state"."""
    check_archive(path, "PyTorch")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith(("/models/model.json", "/archive_format")) or name == "serialized_exported_program.json"
           for name in names):
        return "pt2"
    script = any(name.endswith("/constants.pkl") or "/code/" in name for name in names)
    return "script" if script else "state"


def _script(torch: Any, path: Path) -> Any:
    _check_source(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's advice on its own formats
            module = torch.jit.load(str(path), map_location="cpu").eval()
        refused = sorted({kind for kind in _operators(module.inlined_graph) if not allowed(*_parts(kind))})
    except Exception as error:
        raise RecordError(f"{path}: not a readable TorchScript file ({first_line(error)}); save it with "
                          "torch.jit.save, or give module:callable") from None
    if refused:
        raise RecordError(f"{path}: calls {', '.join(refused[:10])}, outside the operators that a program in a file "
                          "may call (a TorchScript file is a program, and could read or write files); record the model "
                          "in Python (module:callable) if you trust it")
    return module


def _check_source(path: Path) -> None:
    """RecordError when loading alone would run some of the file's code."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".py") and _RUNS_ON_LOADING in archive.read(name):
                    raise RecordError(f"{path}: {name[:80]} has a method __setstate__, which would run while the file "
                                      "is loaded, so it is refused; record the model in Python (module:callable)")
    except RecordError:
        raise
    except Exception as error:  # a damaged archive: what decoders raise differs
        raise RecordError(f"{path}: not a readable TorchScript file ({first_line(error)}); save it again") from None


def _operators(graph: Any) -> Iterator[str]:
    """Kinds of all nodes, those inside branches and loops included."""
    for node in graph.nodes():
        yield node.kind()
        for block in node.blocks():
            yield from _operators(block)


def _parts(kind: str) -> tuple[str, str]:
    namespace, _, name = kind.partition("::")
    return namespace, name


def _python_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _python_module(name: str) -> Any:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(here)
