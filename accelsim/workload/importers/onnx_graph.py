"""A flat ONNX graph: which values are constant, who makes and uses each, and running any part of it.

Branches (If) are replaced by the one that the sample takes, so every operator that runs is in one list.
"""

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.geometry import same_pads
from accelsim.workload.importers.limits import Limits
from accelsim.workload.importers.onnx_bfloat16 import to_float32
from accelsim.workload.importers.onnx_file import MAX_ELEMENTS, modules, spill
from accelsim.workload.importers.onnx_session import Session
from accelsim.workload.importers.onnx_values import makes, nodes_of, rename_values, used

_RANDOM = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
_MAX_BRANCHES = 10_000
_MAX_RANGE = 1 << 16  # elements of a Range that shape inference may write out
_HALF_EVEN = 1.5 * 2 ** 23  # a float32 is rounded when this is added and taken away (Round came with opset 11)


class Graph:
    """The main graph of a model whose constants lie in `folder`.

    constants: initializers by name. producer: value -> node. consumers: value -> nodes. constant: names of all values
    that no input reaches. inputs: graph inputs that are not initializers.
    """

    def __init__(self, model: Any, path: Path, folder: Path, limits: Limits) -> None:
        self.path, self.folder, self.limits = path, folder, limits
        self.onnx, self.runtime = modules()
        self.bfloat16 = to_float32(self.onnx, model.graph, path)
        self.constants = spill(model, path, folder)
        self._weight_bytes = sum(array.nbytes for array in self.constants.values())
        self.model = model
        self.outputs = [o.name for o in model.graph.output]
        self._cached: tuple[tuple[str, ...], Session] | None = None
        self.branches: dict[str, str] = {}
        self.index()

    def index(self) -> None:
        """Look at all nodes anew, after some were changed."""
        graph = self.model.graph
        self.inputs = [i for i in graph.input if i.name not in self.constants]
        self.producer: dict[str, Any] = {}
        self.consumers: dict[str, list[Any]] = {}
        self.constant = set(self.constants)
        for node in graph.node:
            for name in node.output:
                if name:
                    self.producer[name] = node
            read = used(node)
            for name in read:
                self.consumers.setdefault(name, []).append(node)
            if node.op_type not in _RANDOM and all(name in self.constant for name in read):
                self.constant.update(n for n in node.output if n)
        self._cached = None

    def run(self, wanted: Iterable[str], feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The values `wanted`; only what they depend on is computed. Raises RecordError when the runtime does."""
        wanted = list(dict.fromkeys(wanted))
        known = {n: self.constants[n] if n in self.constants else feeds[n] for n in wanted
                 if n in self.constants or n in feeds}
        names = tuple(n for n in wanted if n not in known)
        if not names:
            return known
        return known | self._session(names).run(names, feeds)

    def _session(self, names: tuple[str, ...]) -> Session:
        if self._cached is not None and self._cached[0] == names:
            return self._cached[1]
        self._cached = None  # one session in memory at a time
        file = self.folder / "part.onnx"
        file.write_bytes(self._part(names).SerializeToString())
        session = Session(self.runtime, file, self.path, self.limits, self._weight_bytes)
        self._cached = (names, session)
        return session

    def _part(self, names: tuple[str, ...]) -> Any:
        """The model cut down to what `names` depend on, with them as its outputs."""
        part = self.onnx.ModelProto()
        part.ir_version = max(4, self.model.ir_version)  # before 4, initializers had to be inputs too
        part.opset_import.extend(self.model.opset_import)
        nodes, needed = [], set(names)
        for node in reversed(self.model.graph.node):
            if needed.intersection(node.output):
                nodes.append(node)
                needed.update(used(node))
        part.graph.name = "part"
        part.graph.node.extend(reversed(nodes))
        part.graph.initializer.extend(i for i in self.model.graph.initializer if i.name in needed)
        part.graph.input.extend(i for i in self.inputs if i.name in needed)
        part.graph.output.extend(self.onnx.ValueInfoProto(name=n) for n in names)
        return part

    def settle(self, feeds: Mapping[str, np.ndarray]) -> None:
        """Look at the shapes that `feeds` lead to, before anything runs, as far as they can be inferred.

        RecordError when a value would be too large. SAME padding of dilated convolutions, which the runtime refuses,
        is written out.
        """
        shapes = self._shapes(feeds)
        for name, (shape, size) in shapes.items():
            elements = math.prod(max(1, n) for n in shape)
            constant = name in self.constant
            limit = self.limits.constant_bytes if constant else self.limits.bytes
            if elements > MAX_ELEMENTS or elements * size > limit:
                way_out = ("give it more (--max-constant-mib, Limits(constant_mib=...))" if constant
                           else self.limits.memory_way_out)
                raise RecordError(f"{self.path}: {name!r} would have shape {shape[:8]}, "
                                  f"more than {min(MAX_ELEMENTS, limit // size):,} elements; "
                                  f"export the model with real shapes, or {way_out}")
        known = {n: shape for n, (shape, _) in shapes.items()} | {n: list(v.shape) for n, v in feeds.items()}
        for node in self.model.graph.node:
            if node.op_type == "Conv" and node.input[0] in known and node.input[1] in self.constants:
                self._write_pads(node, known[node.input[0]][2:], self.constants[node.input[1]].shape[2:])

    def _write_pads(self, node: Any, plane: Sequence[int], kernel: Sequence[int]) -> None:
        given = {a.name: a for a in node.attribute}
        mode = given["auto_pad"].s.decode() if "auto_pad" in given else ""
        dilations = list(given["dilations"].ints) if "dilations" in given else []
        strides = list(given["strides"].ints) if "strides" in given else [1] * len(plane)
        sides = {len(plane), len(kernel), len(dilations), len(strides)}
        if not mode.startswith("SAME") or set(dilations) <= {1} or len(sides) > 1 or min(*plane, *strides) < 1:
            return
        pads = [same_pads(n, k, s, d, mode == "SAME_UPPER")
                for n, k, s, d in zip(plane, kernel, strides, dilations, strict=True)]
        node.attribute.remove(given["auto_pad"])
        node.attribute.append(self.onnx.helper.make_attribute("pads", [p[0] for p in pads] + [p[1] for p in pads]))
        self._cached = None

    def _shapes(self, feeds: Mapping[str, np.ndarray]) -> dict[str, tuple[list[int], int]]:
        """Inferred shapes (0 where an axis is not known) and bytes of an element, by value."""
        model = self._part(tuple(self.outputs))
        for value in model.graph.input:
            dims = value.type.tensor_type.shape
            dims.ClearField("dim")
            for n in feeds[value.name].shape:
                dims.dim.add(dim_value=n)
        found = self._inferred(model, data_prop=False)
        ranges = [n.output[0] for n in nodes_of(model.graph) if n.op_type == "Range" and n.output]
        if all(0 < math.prod(found.get(name, ([0], 0))[0]) <= _MAX_RANGE for name in ranges):
            return self._inferred(model, data_prop=True)
        return found

    def _inferred(self, model: Any, data_prop: bool) -> dict[str, tuple[list[int], int]]:
        """data_prop: follow sizes through arithmetic on shapes, too; a Range is written out element by element."""
        try:
            graph = self.onnx.shape_inference.infer_shapes(model, data_prop=data_prop).graph
        except Exception:
            return {}  # the runtime, which knows more operators, will tell what is wrong
        values = [(value.name, value.type.tensor_type) for value in [*graph.value_info, *graph.output]]
        return {name: ([d.dim_value for d in kind.shape.dim], self._bytes_of(kind.elem_type)) for name, kind in values}

    def _bytes_of(self, kind: int) -> int:
        try:
            return max(1, np.dtype(self.onnx.helper.tensor_dtype_to_np_dtype(kind)).itemsize)
        except (KeyError, TypeError, ValueError):
            return 4

    def set_constant(self, name: str, array: np.ndarray) -> None:
        """Give a constant another value of the same shape; what makes it now is forgotten."""
        self._cached = None
        stored = self.constants.get(name)
        if isinstance(stored, np.memmap):
            if array is not stored:
                stored[...] = array
            stored.flush()
            return
        tensor = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        for old in [i for i in self.model.graph.initializer if i.name == name]:
            self.model.graph.initializer.remove(old)
        self.model.graph.initializer.append(tensor)
        maker = self.producer.get(name)
        if maker is not None:
            maker.output[list(maker.output).index(name)] = f"{name}/before"
        self.constants[name] = array
        self.index()

    def round_input(self, output: str, at: int, scale: float, dtype: Any) -> None:
        """Let the node that makes `output` read its input `at`, of type `dtype`, rounded to multiples of `scale`."""
        node, name = self.producer[output], f"{output}/accelsim_rounded{at}"
        if f"{name}/scale" in self.constants:
            self.set_constant(f"{name}/scale", np.array(scale, np.float32))
            return
        for constant, number in (("scale", scale), ("half_even", _HALF_EVEN)):
            array = np.array(number, np.float32)
            self.model.graph.initializer.append(self.onnx.numpy_helper.from_array(array, f"{name}/{constant}"))
            self.constants[f"{name}/{constant}"] = array
        helper, value, new = self.onnx.helper, node.input[at], []
        floats, back = self.onnx.TensorProto.FLOAT, helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        steps = (("Cast", ""), ("Div", "scale"), ("Add", "half_even"), ("Sub", "half_even"), ("Mul", "scale"),
                 ("Cast", ""))
        for i, (op, constant) in enumerate(steps):
            last = i == len(steps) - 1
            given = {"to": back if last else floats} if op == "Cast" else {}
            made = name if last else f"{name}/{i}"
            new.append(helper.make_node(op, [value, f"{name}/{constant}"] if constant else [value], [made], **given))
            value = made
        node.input[at] = name
        place = next(i for i, n in enumerate(self.model.graph.node) if output in n.output)
        for i, extra in enumerate(new):
            self.model.graph.node.insert(place + i, extra)
        self.index()

    def flatten(self, feeds: Mapping[str, np.ndarray]) -> None:
        """Replace every If by the branch that `feeds` lead to; `branches` keeps which."""
        serial = count()
        while choices := [n for n in self.model.graph.node if n.op_type == "If"]:
            ready = [n for n in choices if not self._behind(n, choices)]
            values = self.run([n.input[0] for n in ready], feeds)
            if len(self.branches) + len(ready) > _MAX_BRANCHES:
                raise RecordError(f"{self.path}: more than {_MAX_BRANCHES:,} branches; export the model without them")
            for node in ready:
                taken = bool(np.asarray(values[node.input[0]]).reshape(-1)[0])
                self.branches[node.input[0]] = "then" if taken else "else"
                self._inline(node, "then_branch" if taken else "else_branch", f"branch{next(serial)}/")
            self.index()

    def conditions(self, feeds: Mapping[str, np.ndarray]) -> dict[str, str]:
        """Which branch another sample would take at each condition."""
        values = self.run(self.branches, feeds)
        return {k: "then" if bool(np.asarray(v).reshape(-1)[0]) else "else" for k, v in values.items()}

    def _behind(self, node: Any, choices: list[Any]) -> bool:
        """Does the condition of `node` need another If first?"""
        others, seen, stack = {o for c in choices if c is not node for o in c.output}, set(), [node.input[0]]
        while stack:
            name = stack.pop()
            if name in others:
                return True
            if name not in seen and name in self.producer:
                seen.add(name)
                stack += used(self.producer[name])
        return False

    def _inline(self, node: Any, branch: str, prefix: str) -> None:
        body = self.onnx.GraphProto()
        body.CopyFrom(next(a.g for a in node.attribute if a.name == branch))
        renamed = {o.name: t for o, t in zip(body.output, node.output, strict=True)}
        if len(renamed) < len(body.output) or not all(makes(body, name) for name in renamed):
            renamed = {}
        inner = [*(i.name for i in body.initializer), *(o for n in body.node for o in n.output)]
        rename = {n: renamed.get(n, prefix + n) for n in inner if n}
        rename_values(body, rename)
        new = list(body.node)
        if not renamed:  # an output that the branch hands through
            new += [self.onnx.helper.make_node("Identity", [rename.get(o.name, o.name)], [t])
                    for o, t in zip(body.output, node.output, strict=True) if t]
        wrapped = self.onnx.ModelProto(ir_version=self.model.ir_version)
        wrapped.graph.node.extend(new)
        wrapped.graph.initializer.extend(body.initializer)
        self._adopt(wrapped)
        nodes = list(self.model.graph.node)
        at = next(i for i, n in enumerate(nodes) if n is node or n == node)
        result = [*nodes[:at], *wrapped.graph.node, *nodes[at + 1:]]
        copies = [self.onnx.NodeProto.FromString(n.SerializeToString()) for n in result]
        del self.model.graph.node[:]
        self.model.graph.node.extend(copies)

    def _adopt(self, wrapped: Any) -> None:
        """The constants of an inlined branch become constants of the graph, beside those that are there."""
        folder = Path(tempfile.mkdtemp(prefix="branch", dir=self.folder))
        new = spill(wrapped, self.path, folder)
        for tensor in wrapped.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = f"{folder.name}/{entry.value}"
        self.constants |= new
        self.model.graph.initializer.extend(wrapped.graph.initializer)
