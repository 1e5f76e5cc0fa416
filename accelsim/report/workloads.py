"""Traces and published workloads as tables: shapes, work, densities and where they are from."""

from itertools import chain, repeat

from rich.text import Text

from accelsim.errors import cut, inert
from accelsim.result.table import add_column, new_table, rendered
from accelsim.workload.planned import Workload
from accelsim.workload.trace import Trace

_MOST_FACTS = 40  # of provenance that are shown


def trace_text(trace: Trace) -> str:
    """What `accelsim show` prints."""
    table = new_table(f"{trace.name}: {len(trace)} layers")
    for heading in ("layer", "op", "weight", "activation", "weight nz", "act. nz", "dense MACs", "effectual", "values"):
        add_column(table, heading, ("layer", "op", "values"))
    for layer in trace.layers:
        for first, pair in zip(chain([True], repeat(False)), layer.operands, strict=False):
            table.add_row(
                Text(layer.name if first else ""), layer.op if first else "",
                *("x".join(map(str, operand.shape)) for operand in pair),
                *(_percent(operand.density) for operand in pair),
                *((f"{layer.macs_dense:,}", f"{layer.macs_effectual:,}") if first else ("", "")),
                "pattern" if not layer.has_values else "/".join(operand.dtype for operand in pair))
    facts = [f"digest {trace.digest}", "graph " + (", ".join(f"{a} -> {b}" for a, b in trace.edges) or "no edges")]
    made_by = list(trace.made_by.items())
    facts += [f"{key}: {value}" for key, value in made_by[:_MOST_FACTS]]
    facts += [f"... and {len(made_by) - _MOST_FACTS:,} more"] if len(made_by) > _MOST_FACTS else []
    return rendered([table, *(Text(_short(fact)) for fact in facts)])


def pruning_text(trace: Trace) -> str:
    """What `accelsim prune` prints: sparsity and output drift of each layer of the last pruning."""
    note = trace.made_by["pruning"][-1]
    table = new_table(f"{trace.name}, {note['spec']}: weight sparsity {note['sparsity']:.1%}")
    for heading in ("layer", "sparsity before", "after", "output drift (relative L2)"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    for name, layer in note["layers"].items():
        table.add_row(Text(name), f"{layer['sparsity_before']:.1%}", f"{layer['sparsity']:.1%}",
                      f"{layer['output_drift']:.4f}")
    left = [Text(f"left as they are: {', '.join(note['left_as_they_are'])}")] if note["left_as_they_are"] else []
    return rendered([table, *left, Text(note["method"])])


def workload_text(workload: Workload) -> str:
    """What `accelsim show` prints of a published workload."""
    table = new_table(f"{workload.name}: {len(workload.layers)} layers")
    for heading in ("layer", "op", "weight", "activation", "dense MACs", "weight nz", "source", "act. nz", "source"):
        table.add_column(heading, justify="left" if heading in ("layer", "op", "source") else "right")
    for layer in workload.layers:
        shape = layer.shape
        weight = f"{layer.weight_density:.1%}" if layer.n_of_m is None else "{}:{}".format(*layer.n_of_m)
        table.add_row(Text(shape.name), shape.op,
                      *("x".join(map(str, sides)) for sides in (shape.weight_shape(1), shape.activation_shape(1))),
                      f"{shape.macs:,}", weight, layer.weight_source, f"{layer.activation_density:.1%}",
                      layer.activation_source)
    table.add_section()
    table.add_row("total", "", "", "", f"{workload.macs_dense:,}", style="bold")
    facts = [workload.about]
    facts += [f"{key} ({source.confidence}): {source.cite}{f'; {source.note}' if source.note else ''}"
              for key, source in workload.sources.items()]
    facts += [f"left out: {name} ({why})" for name, why in workload.omitted.items()]
    return rendered([table, *map(Text, facts)])


def _percent(density: float) -> str:
    """One digit behind the point, more where that would show next to nothing."""
    return f"{density:.1%}" if density >= 0.001 or not density else f"{density:.2g}" if density < 1e-6 else (
        f"{density:.4%}")


def _short(text: str) -> str:
    """One line for a terminal: provenance is free text, and nothing in it may act on the terminal."""
    return cut(inert(text[:401]).replace("\n", "\\n"), 400)
