"""ESE: Han et al., "ESE: Efficient Speech Recognition Engine with Sparse LSTM on FPGA", FPGA 2017."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact, Table
from accelsim.workload.matmul import Matmul, linear
from accelsim.workload.recurrent import Recurrent
from accelsim.workload.recurrent_cell import RecurrentCell
from accelsim.workload.recurrent_maker import recurrent

INPUTS, CELLS, OUTPUTS, VOICES, PES = 153, 1024, 512, 32, 32
STORED = {  # entries of each matrix, padding and the filling of the shorter PEs included
    "Wix": 18_304, "Wfx": 18_272, "Wcx": 18_560, "Wox": 17_984, "Wir": 59_360, "Wfr": 60_416, "Wcr": 58_880,
    "Wor": 60_128, "Wym": 52_416}
SHAPES = {"x": (CELLS, INPUTS), "r": (CELLS, OUTPUTS), "m": (OUTPUTS, CELLS)}


def pruned(seed: int, rows: int, cols: int) -> np.ndarray:
    """The largest 10 % of the weights of each PE, which are normally distributed."""
    weights = np.abs(np.random.default_rng(seed).standard_normal((rows, cols)))
    kept = np.zeros(weights.shape, bool)
    for pe in range(PES):
        own = weights[pe::PES]
        mask = np.zeros(own.size, bool)
        mask[np.argsort(-own.ravel(), kind="stable")[:own.size // 10]] = True
        kept[pe::PES] = mask.reshape(own.shape)
    return kept


@cache
def masks() -> dict[str, np.ndarray]:
    """The nine matrices."""
    return {name: pruned(2017 + number, *SHAPES[name[-1]]) for number, name in enumerate(STORED)}


@cache
def step() -> Recurrent:
    """One step of 32 voices of an LSTM with projection and peepholes."""
    found = masks()
    weights = {"weight": np.concatenate([found[f"W{gate}x"] for gate in "ifco"]),
               "recurrent_weight": np.concatenate([found[f"W{gate}r"] for gate in "ifco"]),
               "projection": found["Wym"], "peepholes": np.ones((3, CELLS), bool)}
    return recurrent("step", RecurrentCell("lstm"), np.ones((1, VOICES, INPUTS), bool), weights,
                     states=np.ones((1, 1, VOICES, OUTPUTS), bool), inner=np.ones((1, 1, VOICES, CELLS), bool))


@cache
def product(name: str) -> Matmul:
    return linear(name, masks()[name], np.ones((VOICES, masks()[name].shape[1]), bool))


@cache
def of_step() -> RunNumbers:
    return measured(step(), "ese")


@cache
def of_product(name: str) -> RunNumbers:
    return measured(product(name), "ese")


def _theory_us() -> float:
    """The entries of each matrix's fullest PE, one per cycle."""
    return sum(of_product(name).layers[0].mapping["peak_entries_per_pe"] for name in STORED) / of_step().clock_mhz


def _slot_us(name: str) -> float:
    """A product in its slot."""
    rows, overhead = masks()[name].shape[0], 48
    return max(of_product(name).cycles, rows + overhead) / of_step().clock_mhz


def _entries_of_10_percent(name: str) -> float:
    return float(np.count_nonzero(masks()[name])) / PES


def _gops(work: float) -> float:
    return 2 * work * VOICES / of_step().time_us / 1e3


def _recalled(key: str, what: str, target: Exact | Table, ours: Callable[[], float], unit: str = "",
              note: str = "recalled", miss: str = "") -> Claim:
    return Claim(key, what, target, ours, unit, note=note, miss=miss)


STEP = Group(
    "One step of the published LSTM", "ESE paper, its abstract, and its table of matrices as recalled (the sums close)",
    "153 inputs, 1,024 cells, 512 outputs; normally distributed weights, the largest 10 % of each PE's; seeds 2017 on. "
    "Real weights lie closer together than these, so their padding and their fullest PE are not at hand",
    (_recalled("theory", "theoretical time of nine matrices", Table(57.0, rel=.04), _theory_us, "us",
               "recalled; the entries of the fullest PE"),
     _recalled("wym.entries", "non-zeros per PE of Wym", Exact(1638), lambda: _entries_of_10_percent("Wym")),
     *(_recalled(f"{name.lower()}.slot", f"{name}, real time", Table(5.36, abs=.005), partial(_slot_us, name), "us",
                 "recalled; the slot's overhead was inferred from this time")
       for name in ("Wix", "Wfx", "Wcx", "Wox")),
     _recalled("wir.slot", "Wir, real time", Table(10.31, rel=.06), partial(_slot_us, "Wir"), "us",
               miss="1,855 entries are in each PE, 1,816 in the fullest of ours: real weights cluster"),
     _recalled("wcr.slot", "Wcr, real time", Table(9.89, rel=.06), partial(_slot_us, "Wcr"), "us"),
     _recalled("step", "one step of 32 voices", Table(82.7, rel=.03), lambda: of_step().time_us, "us"),
     Claim("gops", "rate, stored entries counted", Table(282.2, rel=.03), lambda: _gops(sum(STORED.values())), "GOP/s"),
     Claim("dense_gops", "rate, all weights counted", Table(2520, rel=.03),
           lambda: _gops(sum(m.size for m in masks().values())), "GOP/s"),
     Claim("power", "power", Exact(41), lambda: round(of_step().power_mw / 1e3, 3), "W",
           note="an input of the energy table")))

CHAPTER = Chapter(
    "ese", "ESE", ("ese",),
    exact="Every product of a step is simulated entry by entry as EIE's; slots of the four small ones are exact.",
    abstracted="The element-wise unit takes rows + 48 cycles, inferred from the published times of those four; the "
               "exposed slot and the prologue from others of the same table.",
    groups=(STEP,),
    unchecked=(
        ("6.2x over dense against 5.5x without balanced pruning", "its weights are not at hand"),
        ("43x over a CPU, 3x over a GPU", "the others' times were measured, not simulated"),
        ("phone error rates", "no property of a machine")))
