"""Running any part of a TFLite model, and putting rounding in front of its operators."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.tflite_file import FLOAT32, Model, modules

_SIZED = ("FILL", "BROADCAST_TO", "TILE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "ONE_HOT", "RANGE")


class Runner:
    """A model that runs in the TFLite runtime without delegates, so that values between operators are what they are."""

    def __init__(self, model: Model, limits: Limits) -> None:
        import flatbuffers

        self._model, self._limits, self._flatbuffers = model, limits, flatbuffers
        _, self._runtime = modules()
        self._scales: dict[tuple[int, str], int] = {}  # (operator's output, role) -> tensor with the scale
        self._cached: tuple[Any, Any] | None = None
        self._check_sizes()

    def run(self, wanted: Iterable[int], feeds: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        """The values of these tensors; only what they depend on is computed."""
        wanted = list(dict.fromkeys(wanted))
        known = {n: self._model.constants[n] if n in self._model.constants else feeds[n] for n in wanted
                 if n in self._model.constants or n in feeds}
        names = [n for n in wanted if n not in known]
        if not names:
            return known
        shapes = tuple(sorted((n, a.shape) for n, a in feeds.items()))
        try:
            interpreter, places = self._interpreter(names, shapes, feeds)
            for n, array in feeds.items():
                if n in places:
                    interpreter.set_tensor(places[n], array)
            interpreter.invoke()
            return known | {n: interpreter.get_tensor(places[n]) for n in names}
        except RecordError:
            raise
        except Exception as error:
            text = (str(error) or type(error).__name__).splitlines()[0][:300]
            raise RecordError(f"{self._model.path}: running the model failed: {text}") from None

    def forget(self) -> None:
        """A constant was changed: what was made ready to run is no longer it."""
        self._cached = None

    def _interpreter(self, names: list[int], shapes: Any,
                     feeds: Mapping[int, np.ndarray]) -> tuple[Any, dict[int, int]]:
        key = (tuple(names), shapes)
        if self._cached is not None and self._cached[0] == key:
            found: tuple[Any, dict[int, int]] = self._cached[1]
            return found
        self._cached = None
        content, inputs = self._part(names)
        interpreter = self._runtime.Interpreter(
            model_content=content, num_threads=1, experimental_op_resolver_type=(
                self._runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES))
        places = {n: d["index"] for n, d in zip(inputs, interpreter.get_input_details(), strict=True)}
        for n, place in places.items():
            interpreter.resize_tensor_input(place, list(feeds[n].shape), strict=False)
        interpreter.allocate_tensors()
        places |= {n: d["index"] for n, d in zip(names, interpreter.get_output_details(), strict=True)}
        self._cached = (key, (interpreter, places))
        return interpreter, places

    def _part(self, names: list[int]) -> tuple[bytes, list[int]]:
        """The model cut down to what `names` depend on, and which of its inputs are left."""
        model, graph = self._model, self._model.graph
        before = graph.operators, graph.inputs, graph.outputs
        needed, operators = set(names), []
        for _, op in reversed(model.operators):
            if needed.intersection(op.outputs):
                operators.append(op)
                needed.update(n for n in op.inputs if n >= 0)
        inputs = [n for n in before[1] if n in needed]
        signatures, model.root.signatureDefs = model.root.signatureDefs, None
        try:
            graph.operators, graph.inputs, graph.outputs = operators[::-1], inputs, names
            builder = self._flatbuffers.Builder(1 << 20)
            builder.Finish(model.root.Pack(builder), b"TFL3")
            return bytes(builder.Output()), inputs
        finally:
            graph.operators, graph.inputs, graph.outputs = before
            model.root.signatureDefs = signatures

    def round_input(self, op: Any, role: str, at: int, scale: float) -> None:
        """Let an operator read its float input `at` rounded to multiples of `scale` (half to even, in float32)."""
        key, array = (op.outputs[0], role), np.array(scale, np.float32)
        self._cached = None
        if key in self._scales:
            self._model.set_constant(self._scales[key], array)
            return
        number = self._scales[key] = self._new_tensor(f"{key}/scale", ())
        self._model.set_constant(number, array)
        value, new = op.inputs[at], []
        for code, options in (("DIV", self._model.schema.DivOptionsT), ("ROUND", None),
                              ("MUL", self._model.schema.MulOptionsT)):
            made = self._new_tensor(f"{key}/{code}", self._model.shape(value))
            new.append((code, self._operator(code, [value, number] if options else [value], made, options)))
            value = made
        place = next(i for i, (_, other) in enumerate(self._model.operators) if other is op)
        self._model.operators[place:place] = new
        op.inputs[at] = value

    def _new_tensor(self, name: str, shape: tuple[int, ...]) -> int:
        schema, tensors = self._model.schema, self._model.tensors
        tensors.append(schema.TensorT(name=f"accelsim/{name}", shape=list(shape), type=FLOAT32, buffer=0, hasRank=True))
        self._model.names.append(f"accelsim/{name}")
        self._model.graph.tensors = tensors
        return len(tensors) - 1

    def _operator(self, code: str, inputs: list[int], output: int, options: Any) -> Any:
        schema, codes = self._model.schema, self._model.root.operatorCodes
        number = getattr(schema.BuiltinOperator, code)
        codes.append(schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=min(number, 127), version=1))
        kinds = schema.BuiltinOptions
        kind = kinds.NONE if options is None else getattr(kinds, options.__name__.removesuffix("T"))
        return schema.OperatorT(opcodeIndex=len(codes) - 1, inputs=inputs, outputs=[output], builtinOptionsType=kind,
                                builtinOptions=None if options is None else options())

    def _check_sizes(self) -> None:
        """RecordError for operators that would make more than the limit out of constant sizes."""
        model = self._model
        for name, op in model.operators:
            if name not in _SIZED:
                continue
            sizes = [model.constants[n] for n in op.inputs if n in model.constants
                     and model.constants[n].dtype in (np.int32, np.int64)]
            asked = max((math.prod(max(1, abs(int(v))) for v in a.reshape(-1)) for a in sizes if a.size <= 8),
                        default=1)
            grows = name == "TILE" or name.startswith("RESIZE")
            elements = asked * (math.prod(max(1, s) for s in model.shape(op.inputs[0])) if grows else 1)
            if 4 * elements > self._limits.bytes:
                raise RecordError(f"{model.path}: {model.title(name, op)} would make {elements:,} elements; "
                                  f"{self._limits.memory_way_out}")
