"""Colours of stalls, by their cause, and colours for what is only told apart.

`_PALETTE` was found by search: eighteen colours whose OKLab distance is at least 0.107 from each other in normal sight
and in simulated protanopia and deuteranopia (Machado et al. 2009); the tests measure it. Each cause has a few of them.
"""

from collections.abc import Iterable

from accelsim.arch.registry import cause_of_stall

BUSY = "#0049b2"
_COLOURS_OF = {
    "useful": (BUSY,),
    "wasted": ("#acffbd", "#d7fb2f", "#839076"),
    "imbalance": ("#dd8f15", "#54220f"),
    "no_work": ("#d4b2b1", "#daca68"),
    "operands": ("#6a94c0", "#f3cafc", "#35226a"),
    "conflict": ("#7e7ffb", "#586eb9"),
    "load_drain": ("#4c6f71", "#b4a8fc", "#787905", "#3f475d"),
    "memory": ("#4c5821",),
}
_PALETTE = tuple(colour for colours in _COLOURS_OF.values() for colour in colours)
# Okabe and Ito's set without black: for runs, policies and other series that have no colour of their own
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")
# parts of a whole that have no colour of their own: components of energy
PARTS = ("#0049b2", "#dd8f15", "#b4a8fc", "#4c6f71", "#daca68", "#54220f", "#6a94c0", "#acffbd", "#787905", "#d4b2b1",
         "#35226a", "#839076", "#f3cafc", "#3f475d", "#7e7ffb", "#d7fb2f", "#586eb9", "#4c5821")
SEQUENTIAL = "cividis"  # of heat maps; the same name in matplotlib and Vega


def of_stalls(names: Iterable[str]) -> dict[str, str]:
    """The colour of each of `names`, as "#rrggbb", in their order.

    A name gets the next free colour of its cause, else any free one, so that up to eighteen names are told apart;
    beyond that, names of one cause share colours. A stall of no known machine has no cause and takes what is free.
    """
    given: dict[str, str] = {}
    for name in dict.fromkeys(names):
        own = _COLOURS_OF.get(cause_of_stall(name) or "", ())
        free = [colour for colour in (*own, *reversed(_PALETTE[1:])) if colour not in given.values()]
        shared = own or _PALETTE[1:]
        given[name] = free[0] if free else shared[len(given) % len(shared)]
    return given


def of_series(names: Iterable[str]) -> dict[str, str]:
    """A colour for each of `names`, from `SERIES` in order, beginning again when they run out."""
    return {name: SERIES[i % len(SERIES)] for i, name in enumerate(dict.fromkeys(names))}
