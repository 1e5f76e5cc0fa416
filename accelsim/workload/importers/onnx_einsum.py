"""Einsum of two operands as the matrix products that it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.errors import RecordError
from accelsim.workload.importers.onnx_graph import Graph
from accelsim.workload.importers.onnx_rules import OnnxSite, Values, attributes, operands, title
from accelsim.workload.importers.site import SiteOperands


@dataclass(frozen=True)
class Equation:
    """Labels of both operands by what becomes of them: `batch` are in both and in the output, `summed` in both alone,
    `left` and `right` in one operand and the output."""

    a: str
    b: str
    batch: str
    summed: str
    left: str
    right: str

    @property
    def carries_macs(self) -> bool:
        """False for products element by element."""
        return bool(self.summed or (self.left and self.right))

    def matrices(self, array: np.ndarray, own: str, free: str) -> np.ndarray:
        """An operand as [groups, free, summed]."""
        ordered = array.transpose([own.index(label) for label in self.batch + free + self.summed])
        sizes = [int(np.prod(part, dtype=np.int64)) for part in (
            ordered.shape[:len(self.batch)], ordered.shape[len(self.batch):len(self.batch + free)],
            ordered.shape[len(self.batch + free):])]
        return ordered.reshape(sizes)


def einsum(graph: Graph, node: Any) -> list[OnnxSite]:
    """The site of an Einsum, none where it multiplies element by element or has one operand."""
    text = str(attributes(graph, node)["equation"]).replace(" ", "")
    if len(node.input) == 1:
        return []
    equation = _equation(text, title(node), len(node.input))
    if not equation.carries_macs:
        return []
    a, b = node.input
    weight_at = 1 if b in graph.constant or a not in graph.constant else 0
    x, w = (a, b) if weight_at else (b, a)
    x_labels, w_labels = (equation.a, equation.b) if weight_at else (equation.b, equation.a)
    x_free, w_free = (equation.left, equation.right) if weight_at else (equation.right, equation.left)
    constant = w in graph.constant

    def layout(array: np.ndarray) -> np.ndarray:
        shown = equation.matrices(array, w_labels, w_free)
        return shown if equation.batch else shown[0]

    def read(values: Values) -> SiteOperands:
        weight, rows = layout(values[w]), equation.matrices(values[x], x_labels, x_free)
        if constant and not equation.batch:
            return SiteOperands(weight, rows[0])
        return SiteOperands(weight.reshape(-1, *weight.shape[-2:]), rows)

    rounds = {"activation": 1 - weight_at} | ({} if constant else {"weight": weight_at})
    names = operands(activation=x, weight=w)
    if constant:
        return [OnnxSite("linear", (x, w), read, w, layout, rounds=rounds, operands=names)]
    return [OnnxSite("matmul", (x, w), read, rounds=rounds, operands=names)]


def _equation(text: str, where: str, count: int) -> Equation:
    """RecordError for what is no product of two matrices in disguise."""
    way_out = "write it as MatMul, or leave it out with skip (--skip)"
    if count != 2:
        raise RecordError(f"{where}: an Einsum of {count} operands has no rule; {way_out}")
    inputs, arrow, output = text.partition("->")
    terms: Sequence[str] = inputs.split(",")
    if not arrow:
        both = "".join(terms)
        output = "".join(sorted(label for label in set(both) if both.count(label) == 1))
    distinct = all(term.isalpha() and len(set(term)) == len(term)
                   for term in [*terms, *([output] if output else [])])
    if len(terms) != 2 or not distinct:
        raise RecordError(f"{where}: equation {text[:80]!r} (an ellipsis, a repeated label) has no rule; {way_out}")
    a, b = terms
    alone = [label for label in set(a) ^ set(b) if label not in output]
    if alone or set(output) - set(a + b):
        raise RecordError(f"{where}: equation {text[:80]!r} sums {sorted(alone)} of one operand, which has no rule; "
                          f"{way_out}")
    return Equation(a, b, "".join(x for x in a if x in b and x in output),
                    "".join(x for x in a if x in b and x not in output),
                    "".join(x for x in a if x not in b), "".join(x for x in b if x not in a))
