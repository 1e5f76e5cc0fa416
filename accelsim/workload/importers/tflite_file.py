"""TFLite files, read without trusting them: operators, tensors and constants, all within the file's bounds.

What only packs weights is undone: sparse tensors with their DENSIFY, and DEQUANTIZE of float16 weights.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError, told
from accelsim.workload.importers.arrays import DECODING
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.tflite_sparse import densified

_MISSING = "recording TFLite models needs one more package: pip install accelsim[tflite] (ai-edge-litert)"
_AGAIN = "convert the model again"
MAX_FILE_BYTES = 2 << 30
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 9: np.int8,
          10: np.float64, 12: np.uint64, 15: np.uint32, 16: np.uint16}
FLOAT32, FLOAT16, INT4 = 0, 1, 17


def modules() -> tuple[Any, Any]:
    """(schema, interpreter). Raises RecordError with the way out when they are absent."""
    try:
        from ai_edge_litert import interpreter, schema_py_generated
    except ImportError as error:
        raise RecordError(f"{_MISSING}; {error}") from None
    return schema_py_generated, interpreter


class Model:
    """A TFLite model. tensors: its TensorT; constants: arrays by tensor number; operators: (name, OperatorT)."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self._limits = path, limits
        self.schema, _ = modules()
        self.root = self._parsed()
        if len(self.root.subgraphs or []) < 1:
            raise self.damaged("holds no graph")
        self.graph = self.root.subgraphs[0]
        self.tensors = list(self.graph.tensors or [])
        self._check()
        self.names = [_text(tensor.name) for tensor in self.tensors]
        self.constants = {n: array for n in range(len(self.tensors)) if (array := self._constant(n)) is not None}
        self.operators = [(self._operator_name(op), op) for op in self.graph.operators]
        self._unpack_weights()

    def damaged(self, why: str) -> RecordError:
        """The error of a file that is no sound model."""
        return RecordError(f"{self.path}: not a readable TFLite model ({why}); {_AGAIN}")

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The declared shape, with 1 for an open axis."""
        return tuple(int(n) for n in np.asarray(self.tensors[tensor].shape if self.tensors[tensor].shape is not None
                                                else [], np.int64).reshape(-1))

    def quantization(self, tensor: int) -> tuple[np.ndarray, np.ndarray, int] | None:
        """(scales, zero points, axis) of a tensor of integers, None where it has none."""
        found = self.tensors[tensor].quantization
        scale = None if found is None or found.scale is None else np.asarray(found.scale, np.float32).reshape(-1)
        if scale is None or not scale.size:
            return None
        zero = np.asarray(found.zeroPoint if found.zeroPoint is not None else [0], np.int64).reshape(-1)
        if zero.size not in (1, scale.size) or not (np.isfinite(scale) & (scale > 0)).all():
            raise self.damaged(f"tensor {self.names[tensor]!r} has {scale.size} scales, not all above 0, and "
                               f"{zero.size} zero points")
        return scale, zero, int(found.quantizedDimension)

    def title(self, name: str, op: Any) -> str:
        """How a message calls an operator."""
        return f"{name} {self.names[op.outputs[0]] if len(op.outputs) else ''!r}"

    def _parsed(self) -> Any:
        try:
            size = self.path.stat().st_size
            if size > MAX_FILE_BYTES:
                raise RecordError(f"{self.path}: {size:,} bytes are more than a TFLite model may have")
            self._bytes = self.path.read_bytes()
        except OSError as error:
            raise RecordError(f"{self.path}: cannot be read ({error.strerror or error}); give a .tflite file") from None
        if self._bytes[4:8] != b"TFL3":
            raise self.damaged("it does not begin as one")
        try:
            return self.schema.ModelT.InitFromObj(self.schema.Model.GetRootAs(self._bytes, 0))
        except (*DECODING, AttributeError, AssertionError) as error:
            raise self.damaged(f"{told(error)}") from None

    def _check(self) -> None:
        """Every number that points somewhere points inside."""
        count, codes, buffers = len(self.tensors), len(self.root.operatorCodes or []), len(self.root.buffers or [])
        for n, tensor in enumerate(self.tensors):
            shape = self.shape(n)
            if not 0 <= tensor.buffer < max(buffers, 1) or len(shape) > 8 or min(shape, default=1) < 0:
                raise self.damaged(f"tensor {n} points to buffer {tensor.buffer} of {buffers}, its shape is "
                                   f"{shape[:8]}")
            if math.prod(max(1, s) for s in shape) * 4 > self._limits.bytes:
                raise RecordError(f"{self.path}: tensor {n} would have shape {list(shape)}; "
                                  f"{self._limits.memory_way_out}")
        for op in self.graph.operators or []:
            inputs, outputs = _ints(op.inputs), _ints(op.outputs)
            if not 0 <= op.opcodeIndex < codes or not outputs or not all(0 <= n < count for n in outputs) or not all(
                    -1 <= n < count for n in inputs):
                raise self.damaged("an operator points to a tensor or a code that is not there")
            op.inputs, op.outputs = inputs, outputs
        self.graph.inputs, self.graph.outputs = _ints(self.graph.inputs), _ints(self.graph.outputs)
        if not self.graph.operators or not self.graph.outputs or not all(
                0 <= n < count for n in self.graph.inputs + self.graph.outputs):
            raise self.damaged("its graph has no operators, inputs or outputs of its own")

    def _operator_name(self, op: Any) -> str:
        code = self.root.operatorCodes[op.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        names = {v: k for k, v in vars(self.schema.BuiltinOperator).items() if isinstance(v, int)}
        if names.get(number) == "CUSTOM":
            return f"CUSTOM:{_text(code.customCode)}"
        return names.get(number, f"operator {number}")

    def _constant(self, n: int) -> np.ndarray | None:
        tensor = self.tensors[n]
        buffer = self.root.buffers[tensor.buffer] if self.root.buffers else None
        if buffer is None:
            return None
        data = b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()
        if buffer.offset > 1:  # beyond the first 2 GiB, outside of the flatbuffer
            data = self._bytes[buffer.offset:buffer.offset + buffer.size]
            buffer.data, buffer.offset, buffer.size = np.frombuffer(data, np.uint8), 0, 0
        if not data or tensor.isVariable:
            return None
        where = f"tensor {_text(tensor.name)[:60]!r}"
        shape = self.shape(n)
        if tensor.type == INT4:
            flat = np.frombuffer(data, np.uint8)
            nibbles = np.stack([flat & 15, flat >> 4], 1).reshape(-1)[:math.prod(shape)].astype(np.int8)
            array = (nibbles ^ 8) - 8
        elif tensor.type in DTYPES:
            kind = np.dtype(DTYPES[tensor.type])
            if len(data) % kind.itemsize:
                raise self.damaged(f"{where} ends within a value")
            array = np.frombuffer(data, kind)
        else:
            return None
        if tensor.sparsity is not None:
            try:
                return densified(tensor.sparsity, array, shape)
            except DECODING as error:
                raise self.damaged(f"{where}: {error}") from None
        if array.size != math.prod(shape):
            raise self.damaged(f"{where} of shape {list(shape)} holds {array.size} values")
        return array.reshape(shape)

    def _unpack_weights(self) -> None:
        """DENSIFY and DEQUANTIZE of float16 constants leave the graph; what they make becomes a constant."""
        kept = []
        for name, op in self.operators:
            source, target = op.inputs[0] if op.inputs else -1, op.outputs[0]
            packed = self.constants.get(source)
            if packed is not None and name == "DENSIFY":
                self.set_constant(target, packed, self.tensors[source].type)
                self.tensors[target].quantization = self.tensors[source].quantization
            elif packed is not None and name == "DEQUANTIZE" and packed.dtype == np.float16:
                self.set_constant(target, packed.astype(np.float32), FLOAT32)
            else:
                kept.append((name, op))
        self.operators = kept
        for n, array in self.constants.items():
            if self.tensors[n].sparsity is not None:
                self.set_constant(n, array, self.tensors[n].type)

    def set_constant(self, tensor: int, array: np.ndarray, kind: int | None = None) -> None:
        """Give a tensor a dense value of its own."""
        entry = self.tensors[tensor]
        if kind is not None:
            entry.type = kind
        entry.sparsity = None
        data = np.ascontiguousarray(array)
        if entry.type == INT4:
            flat = np.append(data.reshape(-1), np.zeros(data.size % 2, np.int8)).view(np.uint8) & 15
            data = flat[::2] | flat[1::2] << 4
        entry.shape, entry.buffer = list(array.shape), len(self.root.buffers)
        self.root.buffers.append(self.schema.BufferT(data=data.reshape(-1).view(np.uint8)))
        self.constants[tensor] = array


def _ints(values: Any) -> list[int]:
    return [] if values is None else [int(n) for n in np.asarray(values).reshape(-1)]


def _text(name: Any) -> str:
    """A name as printable text; the file may hold anything."""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")
    return "".join(c if c.isprintable() else "?" for c in text)
