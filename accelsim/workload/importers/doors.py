"""Which importer opens a model: by the kind of file, or of object."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from accelsim.errors import RecordError
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.samples import ImageRule
from accelsim.workload.importers.site import OpenedModel

WANTED = ("an .onnx, .tflite, .pt2 or TorchScript file, module:callable, or weights (.safetensors, .npz, a saved state "
          "dict, .mtx, .smtx) with a network YAML")
WEIGHTS = (".safetensors", ".npz", ".npy", ".json", ".bin", ".mtx", ".smtx")


def open_source(model: Any, inputs: Any, network: Any, image: ImageRule, samples: int | None,
                skip: Collection[str], limits: Limits) -> tuple[OpenedModel, str]:
    """The importer's source for `model`, and a name for the trace."""
    skip = [skip] if isinstance(skip, str) else skip
    if not isinstance(model, (str, os.PathLike)):
        from accelsim.workload.importers.torch import TorchSource, module_of

        found = module_of(model)
        if found is None:
            raise RecordError(f"model is a {type(model).__name__}; wanted a path, 'module:callable', a torch.nn.Module "
                              "or a torch.export.ExportedProgram")
        return TorchSource(found, inputs, image, samples, skip, limits), type(found).__name__.lower()
    text = os.fspath(model)
    path = Path(text)
    if network is not None or path.suffix in WEIGHTS:
        return _from_weights(path, inputs, network, image, samples, skip, limits)
    from accelsim.workload.importers.torch_files import FILES, load

    if path.suffix in FILES or (":" in text and not path.is_file()):
        from accelsim.workload.importers.torch import TorchSource

        title = text.rpartition(":")[2] if ":" in text else path.stem
        return TorchSource(load(text), inputs, image, samples, skip, limits, path), title
    if not path.is_file():
        raise RecordError(f"{text}: no such file; give {WANTED}")
    if path.suffix == ".tflite":
        from accelsim.workload.importers.tflite import TfliteSource

        return TfliteSource(path, inputs, image, samples, skip, limits), path.stem
    from accelsim.workload.importers.onnx import OnnxSource

    return OnnxSource(path, inputs, image, samples, skip, limits), path.stem


def _from_weights(path: Path, inputs: Any, network: Any, image: ImageRule, samples: int | None,
                  skip: Collection[str], limits: Limits) -> tuple[OpenedModel, str]:
    if network is None:
        raise RecordError(f"{path}: weights alone do not say how layers follow each other; give network=FILE.yaml "
                          "(--network), see docs/record.md")
    from accelsim.workload.importers.onnx import OnnxSource
    from accelsim.workload.importers.weights import model_from_weights

    model, notes = model_from_weights(path, Path(network))
    return OnnxSource(path, inputs, image, samples, skip, limits, model, notes), model.graph.name
