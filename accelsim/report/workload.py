"""Published workloads as a table: shapes, work, densities and their sources."""

from rich.table import Table
from rich.text import Text

from accelsim.report.table import rendered
from accelsim.workload.published import Workload


def workload_text(workload: Workload) -> str:
    """What `accelsim show` prints of a published workload."""
    table = Table(title=Text(f"{workload.name}: {len(workload.layers)} layers", style="bold"), title_justify="left")
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
