"""The names of values in an ONNX graph and in the graphs inside it: who reads them, who writes them, other names."""

from collections.abc import Iterator, Mapping
from typing import Any

from accelsim.workload.importers.onnx_file import subgraphs


def used(node: Any) -> list[str]:
    """Names that a node reads, those that its subgraphs take from outside included."""
    names = [n for n in node.input if n]
    for graph in subgraphs(node):
        own = {i.name for i in [*graph.initializer, *graph.input]}
        for inner in graph.node:
            names += [n for n in used(inner) if n not in own]
            own.update(inner.output)
        names += [o.name for o in graph.output if o.name not in own]
    return names


def nodes_of(graph: Any) -> Iterator[Any]:
    """All nodes of a graph and of the graphs inside it."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from nodes_of(inner)


def makes(graph: Any, name: str) -> bool:
    """Whether a node of the graph writes the value `name`."""
    return any(name in n.output for n in graph.node)


def rename_values(graph: Any, names: Mapping[str, str]) -> None:
    """Rename values in `graph` and in the graphs inside it (a name that is bound anew inside keeps to itself)."""
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in graph.node:
        for field in (node.input, node.output):
            for i, name in enumerate(field):
                field[i] = names.get(name, name)
        for inner in subgraphs(node):
            bound = {i.name for i in [*inner.initializer, *inner.input]} | {o for n in inner.node for o in n.output}
            outer = {k: v for k, v in names.items() if k not in bound}
            rename_values(inner, outer)
            for output in inner.output:
                output.name = outer.get(output.name, output.name)
