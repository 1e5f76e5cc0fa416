"""EIE: Han et al., "EIE: Efficient Inference Engine on Compressed Deep Neural Network", ISCA 2016."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.validation.claim import Chapter, Claim, Group
from accelsim.validation.measured import RunNumbers, measured
from accelsim.validation.target import Exact, Table, Target, Trend
from accelsim.workload.matmul import Matmul, linear

# Table III: inputs, outputs, percent of weights and of inputs that are not zero
TABLE_III = {
    "Alex-6": (9216, 4096, 9, 35.1), "Alex-7": (4096, 4096, 9, 35.3), "Alex-8": (4096, 1000, 25, 37.5),
    "VGG-6": (25088, 4096, 4, 18.3), "VGG-7": (4096, 4096, 4, 37.5), "VGG-8": (4096, 1000, 23, 41.1),
    "NT-We": (4096, 600, 10, 100), "NT-Wd": (600, 8791, 11, 100), "NT-LSTM": (1201, 2400, 10, 100)}
TABLE_IV = {  # microseconds: theoretical, actual
    "Alex-6": (28.1, 30.3), "Alex-7": (11.7, 12.2), "Alex-8": (8.9, 9.9), "VGG-7": (7.9, 8.7), "NT-Wd": (13.0, 13.9)}
RECTIFIED = tuple(name for name, (*_, active) in TABLE_III.items() if active < 100)
PES = (1, 4, 16, 64, 256)

ALEX7_DENSITY = ("Table IV was run on one image, Table III gives average densities: the published times of Alex-7 need "
                 "an input density of about 32 %, where Table III has 35.3 %")
ALEX8_DENSITY = ("Table IV was run on one image, Table III gives average densities: the published times of Alex-8 "
                 "belong to the data that the authors ship (42.9 % of the inputs, 25.7 % of the weights), denser than "
                 "Table III")
DENSITY = {"Alex-7": ALEX7_DENSITY, "Alex-8": ALEX8_DENSITY}


@cache
def layer(name: str) -> Matmul:
    """Independent random non-zeros at the densities of Table III; no bias, as the table's theory has none."""
    inputs, outputs, weight, active = TABLE_III[name]
    rng = np.random.default_rng(0)
    weights = rng.random((outputs, inputs), dtype=np.float32) < weight / 100
    return linear(name, weights, rng.random(inputs) < active / 100)


@cache
def run(name: str, **changes: Any) -> RunNumbers:
    return measured(layer(name), "eie", **changes)


def theory_us(numbers: RunNumbers) -> float:
    """Work over peak: entries, padding counted, one per PE and cycle."""
    return numbers.counts["arithmetic_slots"] / 64 / numbers.clock_mhz


def balance(numbers: RunNumbers) -> float:
    """The paper's load balance: 1 - bubbles / cycles, padding being work."""
    return (numbers.stalls["busy"] + numbers.stalls["padding"]) / sum(numbers.stalls.values())


def efficiency(numbers: RunNumbers) -> float:
    """The authors' simulator's: writes / cycles / PEs."""
    return numbers.counts["accumulator_writes"] / sum(numbers.stalls.values())


# the authors' simulator on the authors' data

@cache
def alex8(file: Path, queue_entries: int) -> RunNumbers:
    """AlexNet FC8 as shipped, weight codes 1..15 as weights: cycles see the non-zeros alone."""
    data = np.load(file)
    activation = np.round(data["activation"] * 1000).astype(np.int16)
    shipped = linear("alex8", data["weight_code"].astype(np.int8), activation, data["bias_code"].astype(np.int32))
    return measured(shipped, "eie", queue_entries=queue_entries)


def _alex8(number: Callable[[RunNumbers], float], queue_entries: int = 7) -> Callable[[Path], float]:
    return lambda file: number(alex8(file, queue_entries))


def _count(name: str) -> Callable[[RunNumbers], float]:
    return lambda numbers: numbers.counts[name]


AUTHORS_DATA = Group(
    "Alex-8 on the authors' data", "EIE-simulator, the authors' cycle simulator, on the data it ships",
    "none: weights, inputs and bias as shipped",
    (Claim("alex8.cycles", "cycles, queues of depth 8 (7 entries)", Exact(7926), _alex8(lambda n: n.cycles)),
     Claim("alex8.cycles_depth2", "cycles, queues of depth 2 (1 entry)", Exact(10_194), _alex8(lambda n: n.cycles, 1)),
     Claim("alex8.row_reads", "rows read from the sparse-matrix SRAM", Exact(100_900),
           _alex8(_count("spmat_row_reads"))),
     Claim("alex8.pointer_reads", "pairs of pointers read", Exact(112_640), _alex8(_count("pointer_reads"))),
     Claim("alex8.macs", "multiply-accumulates, bias included", Exact(453_748), _alex8(_count("macs"))),
     Claim("alex8.padding", "padding entries", Exact(0), _alex8(_count("padding_entries"))),
     Claim("alex8.efficiency", "efficiency, depth 8", Table(.8945, abs=5e-5), _alex8(efficiency)),
     Claim("alex8.efficiency_depth2", "efficiency, depth 2", Table(.695, abs=5e-4), _alex8(efficiency, 1)),
     Claim("alex8.theory", "Table IV, theoretical time", Table(8.9, rel=.01), _alex8(theory_us), "us"),
     Claim("alex8.actual", "Table IV, actual time", Table(9.9, rel=.01), _alex8(lambda n: n.time_us), "us")),
    seconds=1, needs="eie_alex8/alex8.npz")


# Table IV

def _times(name: str) -> list[Claim]:
    theoretical, actual = TABLE_IV[name]
    key = name.lower().replace("-", "")
    return [
        Claim(f"table_iv.{key}.theory", f"{name}, theoretical time", Table(theoretical, rel=.06),
              lambda: theory_us(run(name)), "us", miss=DENSITY.get(name, "")),
        Claim(f"table_iv.{key}.actual", f"{name}, actual time", Table(actual, rel=.06),
              lambda: run(name).time_us, "us", miss=DENSITY.get(name, "")),
        Claim(f"table_iv.{key}.loss", f"{name}, actual over theoretical", Table(actual / theoretical, rel=.05),
              lambda: run(name).time_us / theory_us(run(name)), note="densities hardly move it")]


TIMES = Group(
    "Table IV", "EIE paper, Table IV (five of its nine layers are at hand)",
    "masks drawn at random with the densities of Table III, seed 0; theoretical time counts padding entries",
    tuple(claim for name in TABLE_IV for claim in _times(name)), seconds=2)


@cache
def denser_alex8() -> RunNumbers:
    """Random masks at the densities of the shipped Alex-8."""
    rng = np.random.default_rng(0)
    return measured(linear("Alex-8", rng.random((1000, 4096)) < .2566, rng.random(4096) < .4294), "eie")


DENSER = Group(
    "Alex-8 at the densities of the shipped data", "EIE paper, Table IV; densities counted in EIE-simulator's data",
    "masks drawn at random with 25.66 % of the weights and 42.94 % of the inputs, seed 0",
    (Claim("alex8_drawn.theory", "Alex-8, theoretical time", Table(8.9, rel=.06), lambda: theory_us(denser_alex8()),
           "us"),
     Claim("alex8_drawn.actual", "Alex-8, actual time", Table(9.9, rel=.06), lambda: denser_alex8().time_us, "us")))


# Tables II and V

def _frames_per_s(numbers: RunNumbers) -> float:
    return 1e6 / numbers.time_us


def _at_28nm() -> RunNumbers:
    return run("Alex-7", pes=256, clock_mhz=1200, energy_table="eie_28nm")


def _mean(number: Callable[[RunNumbers], float], **changes: Any) -> float:
    return float(np.mean([number(run(name, **changes)) for name in TABLE_III]))


NINE = "mean of the nine layers; the paper does not say of which"
CHIP = Group(
    "The chip", "EIE paper, Tables II and V and section VI",
    "layers as in Table IV; energy per action is Table II's power split over the activity of the shipped Alex-8, so "
    "power is a test of that split alone",
    (Claim("area", "area, 64 PEs", Table(40.8, abs=.05), lambda: run("Alex-7").area_mm2 or 0.0, "mm2"),
     Claim("power", "power on Alex-7, 64 PEs", Table(590, rel=.15), lambda: run("Alex-7").power_mw, "mW"),
     Claim("fc7.rate", "AlexNet FC7, 64 PEs", Table(81_967, rel=.06), lambda: _frames_per_s(run("Alex-7")), "frames/s",
           miss=ALEX7_DENSITY),
     Claim("fc7.per_joule", "AlexNet FC7 per joule", Table(138_927, rel=.15),
           lambda: _frames_per_s(run("Alex-7")) / run("Alex-7").power_mw * 1e3, "frames/J"),
     Claim("fc7.per_area", "AlexNet FC7 per area", Table(2009, rel=.1),
           lambda: _frames_per_s(run("Alex-7")) / (run("Alex-7").area_mm2 or 1.0), "frames/s/mm2"),
     Claim("alexnet.rate", "AlexNet's three layers", Table(18_800, rel=.06),
           lambda: 1e6 / sum(run(name).time_us for name in ("Alex-6", "Alex-7", "Alex-8")), "frames/s"),
     Claim("fc7.rate_256", "AlexNet FC7, 256 PEs at 1200 MHz", Table(426_230, rel=.06),
           lambda: _frames_per_s(_at_28nm()), "frames/s"),
     Claim("power_256", "power, 256 PEs at 1200 MHz, 28 nm", Table(2360, rel=.15), lambda: _at_28nm().power_mw, "mW",
           note="table eie_28nm"),
     Claim("peak", "peak on the compressed network", Table(102, rel=.01),
           lambda: 1e3 * run("Alex-7").peak_tops, "GOP/s"),
     Claim("spmat_interval", "cycles from one read of a PE's sparse-matrix SRAM to the next", Table(8, rel=.1),
           lambda: _mean(lambda n: n.counts["pe_cycles"] / n.counts["spmat_row_reads"]), "cycles", note=NINE,
           miss="of a row of eight entries 3.6 to 5 are used where about a third of the inputs are active, eight where "
                "all are"),
     Claim("pointer_interval", "cycles from one read of its pointers to the next", Table(8, rel=.1),
           lambda: _mean(lambda n: n.counts["pe_cycles"] / n.counts["pointer_reads"]), "cycles", note=NINE,
           miss="it is the length of a column in a PE: 1.5 cycles in NT-We, 18 in NT-Wd"),
     Claim("speedup_256", "256 PEs over 64, in cycles", Table(3.25, rel=.1),
           lambda: float(np.mean([run(n).cycles / run(n, pes=256).cycles for n in TABLE_III])),
           note=NINE)),
    seconds=3)


# figures without printed values

def _later_gain() -> float:
    """Load balance won from depth 8 to 256 over that won from 1 to 8."""
    one, eight, many = (_mean(balance, queue_entries=entries) for entries in (1, 7, 255))
    return (many - eight) / (eight - one)


def _rank(number: Callable[[str], float], name: str) -> int:
    """How many of the nine layers are below `name`."""
    return sum(number(other) < number(name) for other in TABLE_III)


def _speedup(name: str) -> float:
    return run(name, pes=1).cycles / run(name, pes=256).cycles


def _worst_step(number: Callable[[RunNumbers], float], sign: int) -> float:
    """The least change of `number`, in the direction `sign`, of any layer from one number of PEs to the next."""
    series = [[number(run(name, pes=pes)) for pes in PES] for name in TABLE_III]
    return float(min((sign * np.diff(values)).min() for values in series))


def _best_width() -> float:
    """The width of a row at which the nine layers' reads take least energy."""
    def energy(width: int) -> float:
        return sum(run(name, spmat_width_bits=width).energy_by_component["spmat_sram"] for name in TABLE_III)
    return min((32, 64, 128, 256, 512), key=energy)


def _saved() -> float:
    """Percent of energy that skipping zero inputs saves, the mean of the six layers behind a rectifier."""
    every = [linear(name, layer(name).weight[0], np.ones(TABLE_III[name][0], bool)) for name in RECTIFIED]
    return 100 * float(np.mean([1 - run(x.name).energy_pj / measured(x, "eie").energy_pj for x in every]))


def _trend(key: str, what: str, target: Target, ours: Callable[[], float], **more: str) -> Claim:
    return Claim(f"figures.{key}", what, target, ours, **more)


FIGURES = Group(
    "Figures without printed values", "EIE paper, Figs. 8, 9, 11, 12, 13 and section VI-B",
    "the nine layers of Table III, drawn as above; the paper's depth d is a ring of d slots that holds d - 1, its "
    "depth 1 one that holds 1",
    (_trend("idle_at_1", "Fig. 8: idle at depth 1, mean", Table(50, abs=10),
            lambda: 100 * (1 - _mean(balance, queue_entries=1)), unit="%", note="printed as about half",
            miss="a queue of one entry holds more than the paper's depth 1 seems to: on the shipped Alex-8 it equals "
                 "the authors' simulator, which at its least depth has an efficiency of 69.5 %"),
     _trend("depth", "Fig. 8: load balance won beyond depth 8, over that won up to 8", Trend("little", high=.5),
            _later_gain),
     _trend("ntwe_balance", "Fig. 8: layers with less load balance than NT-We", Trend("none", high=0),
            partial(_rank, lambda name: balance(run(name)), "NT-We")),
     _trend("width", "Fig. 9: row width with least read energy", Trend("64 bits", 64, 64), _best_width, unit="bits",
            miss="we price a read on the line through the two published points, 24.8 pJ at 64 bits (from Table II) and "
                 "180 pJ at 512; on it a read of 32 bits costs 13.7 pJ, and short columns do not fill wider rows"),
     _trend("scaling", "Fig. 11: least speed-up from 1 to 256 PEs but for NT-We", Trend("near-linear", low=128),
            lambda: min(_speedup(name) for name in TABLE_III if name != "NT-We")),
     _trend("ntwe_scaling", "Fig. 11: layers that scale less than NT-We", Trend("none", high=0),
            partial(_rank, _speedup, "NT-We")),
     _trend("padding", "Fig. 12: useful share of the work, least change with more PEs", Trend("improves", low=0),
            lambda: _worst_step(lambda n: n.counts["macs"] / n.counts["arithmetic_slots"], 1)),
     _trend("balance", "Fig. 13: load balance, least fall with more PEs", Trend("falls", low=0),
            lambda: _worst_step(balance, -1)),
     _trend("skipping", "energy saved by skipping zero inputs", Table(65.15, abs=5), _saved, unit="%",
            note="printed as 65.16 and 65.14",
            miss="but for the rows of the sparse-matrix SRAM, all falls as the work does, by 63 % on Alex-7; rows read "
                 "fall by 41 %: where every input is active, neighbouring columns share a row, and seldom where a "
                 "third is")),
    seconds=5)


CHAPTER = Chapter(
    "eie", "EIE", ("eie",),
    exact="Cycles, SRAM reads and multiply-accumulates equal those of the authors' cycle simulator on the one "
          "benchmark whose data the authors ship, at two queue depths. Encoding, queues, scan, pointer reads, bubbles "
          "and the pipeline are simulated entry by entry.",
    abstracted="What happens between two vectors; convolutions and batches run as repeated vectors. Inputs longer than "
               "4096, which the hardware processes in batches, run at once. The sixteen shared weights do not matter "
               "to cycles.",
    groups=(AUTHORS_DATA, TIMES, DENSER, CHIP, FIGURES),
    unchecked=(
        ("Table IV of VGG-6, VGG-8, NT-We and NT-LSTM", "not at hand"),
        ("bars of Figs. 8, 9, 11 to 13", "drawn without values; above are the statements of the text"),
        ("Fig. 10, accuracy over precision", "no property of a machine; the data are simulated as they come"),
        ("189x over a CPU, 13x over a GPU",
         "the others' times were measured, not simulated"),
        ("Table V: area at 28 nm, 84 M and 336 M parameters",
         "our area is that of 45 nm; the parameters are SRAM bits over "
         "assumed densities, no result"),
        ("Table I, energies of operations; Table II, powers and areas of the parts", "inputs of the energy tables"),
        ("about 3 TOP/s on the uncompressed network", "the layers behind it are not stated; ours have 0.7 to 8.1"),
    ))
