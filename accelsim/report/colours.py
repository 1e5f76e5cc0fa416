"""One colour per stall, the same in every page and figure, and colours for what is only told apart.

`_PALETTE` was found by search: eighteen colours whose OKLab distance is at least 0.107 from each other in normal sight
and in simulated protanopia and deuteranopia (Machado et al. 2009); the tests measure it. Stalls of one meaning share a
colour where no machine has both of them, so that the stalls of a machine with memory never do.
"""

from collections.abc import Iterable
from hashlib import sha256

BUSY = "#0049b2"
_PALETTE = (BUSY, "#35226a", "#54220f", "#3f475d", "#4c5821", "#4c6f71", "#586eb9", "#787905", "#839076", "#7e7ffb",
            "#6a94c0", "#dd8f15", "#b4a8fc", "#d4b2b1", "#daca68", "#f3cafc", "#acffbd", "#d7fb2f")
_MEANINGS = {
    BUSY: ("busy",),
    "#acffbd": ("zero_operand", "ineffectual", "operand_zero", "streamed_zero"),  # at work, to no effect
    "#d7fb2f": ("padding", "placeholder", "simd_idle"),
    "#daca68": ("fragmentation", "empty_column"),
    "#839076": ("outside", "metadata"),
    "#dd8f15": ("barrier", "imbalance"),  # others still work
    "#d4b2b1": ("idle_tile", "unused", "unfilled", "tail_wave"),  # no work of its own
    "#6a94c0": ("starved", "bandwidth", "glb", "copy", "iact"),  # operands on their way
    "#7e7ffb": ("back_pressure", "bank_conflict", "shared_memory", "column"),
    "#4c6f71": ("load", "prologue", "weight"),
    "#b4a8fc": ("fill", "mma_latency", "bubble"),
    "#787905": ("drain", "epilogue"),
    "#f3cafc": ("halo", "reduction", "psum"),
    "#3f475d": ("post", "write_back"),
    "#586eb9": ("threshold", "launch"),
    "#54220f": ("memory_weights",),
    "#35226a": ("memory_activations",),
    "#4c5821": ("memory_writeback",),
}
_COLOUR_OF = {name: colour for colour, names in _MEANINGS.items() for name in names}
# Okabe and Ito's set without black: for runs, policies and other series that have no colour of their own
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")
# parts of a whole that have no colour of their own: components of energy
PARTS = ("#0049b2", "#dd8f15", "#b4a8fc", "#4c6f71", "#daca68", "#54220f", "#6a94c0", "#acffbd", "#787905", "#d4b2b1",
         "#35226a", "#839076", "#f3cafc", "#3f475d", "#7e7ffb", "#d7fb2f", "#586eb9", "#4c5821")
SEQUENTIAL = "cividis"  # of heat maps; the same name in matplotlib and Vega


def of_stall(name: str) -> str:
    """The colour of a stall, as "#rrggbb". A name that is not known here has one too, from the name alone."""
    if name not in _COLOUR_OF:
        return _PALETTE[1 + sha256(name.encode("utf-8", "surrogatepass")).digest()[0] % (len(_PALETTE) - 1)]
    return _COLOUR_OF[name]


def of_stalls(names: Iterable[str]) -> dict[str, str]:
    """The colour of each of `names`, in their order."""
    return {name: of_stall(name) for name in names}


def of_series(names: Iterable[str]) -> dict[str, str]:
    """A colour for each of `names`, from `SERIES` in order, beginning again when they run out."""
    return {name: SERIES[i % len(SERIES)] for i, name in enumerate(dict.fromkeys(names))}
