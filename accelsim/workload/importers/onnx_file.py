"""ONNX files, read without trusting them, with their weights moved out to one file on disk.

What comes back is a small graph whose large constants are memory-mapped: one layer's weights are in memory at a time.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.onnx_checks import check_graph, opsets_of
from accelsim.workload.importers.onnx_sparse import make_dense

MAX_ELEMENTS = 1 << 31  # of one tensor
_SPILL_BYTES = 4096
_MISSING = "recording ONNX models needs two more packages: pip install accelsim[onnx] (onnx and onnxruntime)"


def modules() -> tuple[Any, Any]:
    """(onnx, onnxruntime). Raises RecordError with the way out when one is absent."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise RecordError(f"{_MISSING}; {error}") from None
    return onnx, onnxruntime


def read_model(path: Path) -> Any:
    """The ModelProto in `path`; its tensors and, for external ones, their places are checked, not loaded.

    Raises RecordError when the file is not an ONNX model, is cut, or reaches outside its folder.
    """
    onnx, _ = modules()
    try:
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror or error}); give an ONNX file") from None
    except Exception as error:  # protobuf raises what it likes
        raise RecordError(f"{path}: not a readable ONNX model ({first_line(error)}); export it again") from None
    if not model.graph.node:
        raise RecordError(f"{path}: not an ONNX model, or one without nodes; export it again")
    check_graph(onnx, model.graph, opsets_of(model), path)
    return checked(model, path)


def checked(model: Any, path: Path) -> Any:
    """`model` with local functions inlined and every tensor's size and place checked."""
    onnx, _ = modules()
    if model.functions:
        try:
            model = onnx.inliner.inline_local_functions(model)
        except Exception as error:
            raise RecordError(f"{path}: its local functions cannot be inlined ({first_line(error)})") from None
        check_graph(onnx, model.graph, opsets_of(model), path)
    for tensor in _tensors(model.graph):
        _check_tensor(path, tensor, onnx)
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        dims = [d.dim_value for d in value.type.tensor_type.shape.dim if d.HasField("dim_value")]
        if any(d < 0 for d in dims[1:]) or math.prod(max(1, d) for d in dims) > MAX_ELEMENTS:
            raise RecordError(f"{path}: {value.name!r} is declared with shape {dims}, more than {MAX_ELEMENTS:,} "
                              "elements or negative; export the model with real shapes")
    return model


def spill(model: Any, path: Path, folder: Path) -> dict[str, np.ndarray]:
    """Move the graph's constants to `folder`/weights.bin; returns them by name, large ones memory-mapped.

    Constant nodes become initializers. Afterwards `model` is small and can be written into `folder` for the runtime.
    """
    onnx, _ = modules()
    make_dense(onnx, model.graph, path)
    _constants_to_initializers(model, onnx)
    arrays: dict[str, np.ndarray] = {}
    offsets: dict[str, tuple[int, np.dtype[Any], tuple[int, ...]]] = {}
    target = folder / "weights.bin"
    with target.open("wb") as file:
        for tensor in model.graph.initializer:
            array = array_of(path, tensor, onnx)
            if array.nbytes < _SPILL_BYTES or array.dtype.kind not in "fiub":
                arrays[tensor.name] = np.array(array)  # ours: external data are mapped for reading alone
                if tensor.data_location == onnx.TensorProto.EXTERNAL:
                    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
                continue
            file.seek(-file.tell() % 4096, os.SEEK_CUR)
            offsets[tensor.name] = (file.tell(), array.dtype, array.shape)
            place = {"location": target.name, "offset": str(file.tell()), "length": str(array.nbytes)}
            file.write(np.ascontiguousarray(array).data)
            small = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type,
                                     data_location=onnx.TensorProto.EXTERNAL)
            for key, value in place.items():
                small.external_data.add(key=key, value=value)
            tensor.CopyFrom(small)
    for name, (offset, dtype, shape) in offsets.items():
        arrays[name] = np.memmap(target, dtype, "r+", offset, shape)
    return arrays


def first_line(error: BaseException) -> str:
    """What went wrong, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0][:300]


def subgraphs(node: Any) -> Iterator[Any]:
    """The graphs in a node's attributes (branches, loop bodies)."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for inner in subgraphs(node):
            yield from _tensors(inner)


def _check_tensor(path: Path, tensor: Any, onnx: Any) -> None:
    where = f"{path}: tensor {tensor.name[:80]!r}"
    elements = math.prod(tensor.dims)
    if any(d < 0 for d in tensor.dims) or elements > MAX_ELEMENTS:
        raise RecordError(f"{where} has shape {list(tensor.dims)[:8]}, more than {MAX_ELEMENTS:,} elements or "
                          "negative; export the model again")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        _place(path, tensor, elements, onnx)


def array_of(path: Path, tensor: Any, onnx: Any) -> np.ndarray:
    """A tensor's values; external ones are mapped from their file, which is checked anew."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        file, offset, dtype = _place(path, tensor, math.prod(tensor.dims), onnx)
        return np.memmap(file, dtype, "r", offset, tuple(tensor.dims)) if math.prod(tensor.dims) else np.zeros(
            tuple(tensor.dims), dtype)
    try:
        array: np.ndarray = onnx.numpy_helper.to_array(tensor)
    except Exception as error:
        raise RecordError(f"{path}: tensor {tensor.name[:80]!r} of shape {list(tensor.dims)} does not hold its values "
                          f"({first_line(error)}); export the model again") from None
    return array


def _place(path: Path, tensor: Any, elements: int, onnx: Any) -> tuple[Path, int, np.dtype[Any]]:
    """(file, offset, dtype) of an external tensor, which must lie wholly in a file inside the model's folder."""
    where = f"{path}: tensor {tensor.name[:80]!r}"
    entries = {e.key: e.value for e in tensor.external_data}
    location, folder = entries.get("location", ""), path.parent.resolve()
    try:
        file = (folder / location).resolve()
        inside = bool(location) and not Path(location).is_absolute() and file.is_relative_to(folder)
        if not inside:
            raise RecordError(f"{where} points outside the model's folder ({location[:80]!r}), which is refused; "
                              "keep external data beside the model")
        if not file.is_file():
            raise RecordError(f"{where}: its external data file {location[:80]!r} is missing; copy it beside the model")
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        offset = int(entries.get("offset", "0"))
        size = elements * dtype.itemsize
        length = int(entries.get("length", size))
        available = file.stat().st_size
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise RecordError(f"{where}: its external data entry is not usable ({first_line(error)})") from None
    if offset < 0 or length != size or offset + size > available:
        raise RecordError(f"{where} of shape {list(tensor.dims)} wants {size:,} bytes at {offset:,}, its entry says "
                          f"{length:,} and {location[:80]!r} has {available:,}; the file was cut or is another one")
    return file, offset, dtype


def _constants_to_initializers(model: Any, onnx: Any) -> None:
    kept = []
    for node in model.graph.node:
        tensor = _constant(node, onnx) if node.op_type == "Constant" and node.domain in ("", "ai.onnx") else None
        if tensor is None:
            kept.append(node)
        else:
            model.graph.initializer.add().CopyFrom(tensor)
    del model.graph.node[:]
    model.graph.node.extend(kept)


def _constant(node: Any, onnx: Any) -> Any:
    """The tensor of a Constant node under its output's name, or None for strings."""
    if len(node.attribute) != 1:
        return None  # the runtime will tell
    attribute = node.attribute[0]
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if attribute.name == "value":
        tensor = onnx.TensorProto()
        tensor.CopyFrom(attribute.t)
        tensor.name = node.output[0]
        return tensor
    if attribute.name in kinds:
        value = onnx.helper.get_attribute_value(attribute)
        return onnx.numpy_helper.from_array(np.array(value, kinds[attribute.name]), node.output[0])
    return None
