"""Storage formats of a trace: tables, JSON, CSV, and the figure of storage against sparsity."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from rich.table import Table
from rich.text import Text

from accelsim.errors import ConfigError
from accelsim.files import check_writable, csv_text, write_whole
from accelsim.report.files import dump
from accelsim.result.table import rendered
from accelsim.workload.formats import CATALOGUE
from accelsim.workload.formats.expected import expected_bits
from accelsim.workload.formats.survey import TensorStorage

_ENDINGS = ("png", "svg", "pdf")
_SIDE = 10_000  # of the figure's matrix: 10^8 positions
_DRAWN = {"dense": "-", "bitmap": "-", "run_length": "-", "coo": "--", "csr": "--", "csc": ":", "eie_csc": "-.",
          "n_of_16": ":"}


def as_text(name: str, tensors: Sequence[TensorStorage]) -> str:
    """One table per layer, the best format of each tensor marked, and the sum over the layers."""
    layers = dict.fromkeys(t.layer for t in tensors)
    parts = [_layer_table(layer, [t for t in tensors if t.layer == layer]) for layer in layers]
    total: dict[str, int | None] = {}
    for column in CATALOGUE:
        bits = [t.bits[column] for t in tensors]
        total[column] = None if None in bits else sum(b for b in bits if b is not None)
    best = sum(t.bits[t.best] or 0 for t in tensors)
    dense = total["dense"] or 1
    table = _table(f"{name}: all tensors", ["format", "bits", "of dense"])
    for column, bits_ in total.items():
        table.add_row(column, *_cells(bits_, dense, False))
    table.add_section()
    table.add_row("best of each tensor", *_cells(best, dense, True))
    return rendered([*parts, table, Text("* smallest; - does not fit the format's fixed fields")])


def as_json(name: str, tensors: Sequence[TensorStorage]) -> str:
    """{"trace": name, "tensors": [...]}."""
    return dump({"trace": name, "tensors": [tensor.to_dict() for tensor in tensors]})


def as_csv(tensors: Sequence[TensorStorage]) -> str:
    """One line per tensor and format; bits are empty where the tensor does not fit."""
    return csv_text([
        {"layer": t.layer, "tensor": t.tensor, "positions": t.positions, "nonzeros": t.nonzeros,
         "value_bits": t.value_bits, "format": name, "bits": bits, "best": int(name == t.best)}
        for t in tensors for name, bits in t.bits.items()])


def plot(path: Path, name: str, tensors: Sequence[TensorStorage]) -> None:
    """Bits per position against sparsity for independent random masks of 10^8 positions and 8-bit values (expected,
    closed form), with the counted bits of each tensor in its best format as points. The path's ending is the type.
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending not in _ENDINGS:
        raise ConfigError(f"-o {path}: a figure's name ends in .png, .svg or .pdf")
    check_writable(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="sparsity, %", ylabel="bits per position", xlim=(0, 100), ylim=(0, 12),
                              title="storage of 10$^8$ random positions, 8-bit values (expected)")
    sparsity = [k / 2 for k in range(200)] + [99.9]
    curves = [expected_bits(1 - s / 100, _SIDE, _SIDE) for s in sparsity]
    for column, style in _DRAWN.items():
        axes.plot(sparsity, [curve[column] / _SIDE**2 for curve in curves], style, label=column)
    points = [(100 * (1 - t.nonzeros / t.positions), (t.bits[t.best] or 0) / t.positions) for t in tensors]
    axes.plot(*zip(*points, strict=True), "k.", label=f"{name}: best, counted")
    axes.legend(fontsize="small")
    content = BytesIO()
    figure.savefig(content, format=ending, dpi=150)
    write_whole(path, content.getvalue())


def _layer_table(layer: str, tensors: Sequence[TensorStorage]) -> Table:
    headings = ["format"]
    for t in tensors:
        headings += [f"{t.tensor} {'x'.join(map(str, t.shape))}\n{t.nonzeros / t.positions:.1%} of {t.value_bits} bits",
                     "of dense"]
    table = _table(layer, headings)
    for column in CATALOGUE:
        cells = [cell for t in tensors for cell in _cells(t.bits[column], t.bits["dense"] or 1, column == t.best)]
        table.add_row(column, *cells)
    return table


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left")
    for position, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if position else "left")
    return table


def _cells(bits: int | None, dense: int, best: bool) -> tuple[str, str]:
    return ("-", "-") if bits is None else (f"{'* ' if best else ''}{bits:,}", f"{bits / dense:.1%}")
