"""What is wrong with an ONNX graph, found before anything uses it: names, attributes, numbers of inputs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelsim.errors import RecordError

_AGAIN = "export the model again"
_STANDARD = ("", "ai.onnx")


def check_graph(onnx: Any, graph: Any, opsets: Mapping[str, int], path: Path) -> None:
    """RecordError that names the first node, here or in a branch or loop, which its operator does not allow."""
    for named, what in ((graph.initializer, "initializer"), (graph.input, "input"), (graph.output, "output")):
        _check_names(named, what, path)
    for index, node in enumerate(graph.node):
        title = _title(node, index, path)
        schema = _schema(onnx, node, opsets)
        if schema is not None:
            _check_node(onnx, node, schema, f"{path}: {title}")
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                check_graph(onnx, inner, opsets, path)


def opsets_of(model: Any) -> dict[str, int]:
    """Domain -> version of its operators."""
    return {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}


def _title(node: Any, index: int, path: Path) -> str:
    """How messages call a node, once all of its texts are known to be texts."""
    try:
        names = [node.op_type, node.domain, node.name, *node.input, *node.output, *(a.name for a in node.attribute)]
        names += [a.s.decode() for a in node.attribute if a.type == a.STRING]
    except UnicodeDecodeError:
        names = [None]
    if not all(_is_text(name) for name in names):
        raise RecordError(f"{path}: node {index} holds a name that is not UTF-8 text; {_AGAIN}")
    text = f"{names[0]} {names[2] or (node.output[0] if node.output else index)!r}"
    return text if len(text) < 120 else f"{text[:120]}..."


def _check_names(named: Any, what: str, path: Path) -> None:
    for index, one in enumerate(named):
        try:
            fits = bool(one.name) and _is_text(one.name)
        except UnicodeDecodeError:
            fits = False
        if not fits:
            raise RecordError(f"{path}: {what} {index} has no name, or one that is not UTF-8 text; {_AGAIN}")


def _is_text(name: Any) -> bool:
    """protobuf hands out what is no UTF-8 as bytes."""
    return isinstance(name, str) and "\0" not in name


def _schema(onnx: Any, node: Any, opsets: Mapping[str, int]) -> Any:
    """The operator as its opset defines it, or None where that is not known here (the runtime will tell)."""
    domain = "" if node.domain in _STANDARD else node.domain
    version = opsets.get(domain)
    if version is None or not onnx.defs.has(node.op_type, domain):
        return None
    try:
        return onnx.defs.get_schema(node.op_type, min(version, onnx.defs.onnx_opset_version()), domain)
    except onnx.defs.SchemaError:
        return None


def _check_node(onnx: Any, node: Any, schema: Any, where: str) -> None:
    counts = (("input", len(node.input), schema.min_input, schema.max_input),
              ("output", len(node.output), schema.min_output, schema.max_output))
    for what, found, least, most in counts:
        if not least <= found <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}" if most < 1 << 20 else f"at least {least}"
            raise RecordError(f"{where} has {found} {what}s, {node.op_type} wants {wanted}; {_AGAIN}")
    given = {a.name: a for a in node.attribute}
    for name, attribute in given.items():
        if name not in schema.attributes:
            raise RecordError(f"{where} has an attribute {name[:60]!r}, which {node.op_type} does not know; {_AGAIN}")
        kind = int(schema.attributes[name].type.value)
        if attribute.type != kind and not attribute.ref_attr_name:
            kinds = onnx.AttributeProto.AttributeType
            raise RecordError(f"{where}: its attribute {name!r} is {_kind(kinds, attribute.type)}, wanted "
                              f"{_kind(kinds, kind)}; {_AGAIN}")
    missing = sorted(k for k, a in schema.attributes.items() if a.required and k not in given)
    if missing:
        raise RecordError(f"{where} lacks {' and '.join(missing)}, which {node.op_type} needs; {_AGAIN}")


def _kind(kinds: Any, value: int) -> str:
    return kinds.Name(value).lower() if value in kinds.values() else f"of an unknown type ({value})"
