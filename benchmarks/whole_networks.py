"""Every machine on whole networks, in CPU seconds and as multiples of one plain pass over the same data.

    python benchmarks/whole_networks.py                     prints the tables of docs/performance.md
    python benchmarks/whole_networks.py --write FILE        writes them into the file, between its marks
    python benchmarks/whole_networks.py resnet50:erk90 --kind eie --kind scnn

The plain pass is a compiled loop that reads every operand of every layer once and counts its non-zeros. Pass and
machines run in the same process, one after the other; each figure is the least of its repetitions.
"""

import argparse
import re
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import accelsim
from accelsim import shipped
from accelsim.arch.registry import kinds, load_arch, machine
from accelsim.workload.counting import row_nonzeros
from accelsim.workload.layer import Layer

NETWORKS = ("resnet50:erk90", "vgg16:deep_compression", "mobilenet_v1:fast_sparse90", "mobilenet_v3:sparse80",
            "bert_base:sparse90")
CHANGES = {"eie": {"queue_entries": 16}, "scnn": {"bank_queue_entries": 8}, "sigma": {"bandwidth_words_per_cycle": 64},
           "eyeriss": {"address_cycles": 1}}  # a second design point; for other kinds the same design again
MARK = re.compile(r"(<!-- measured -->\n)(.*?)(<!-- end -->)", re.S)
REPEATS = 2


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the first run and of a second design point, and wall seconds on one and on two threads."""

    cold_s: float
    second_s: float
    one_thread_s: float
    two_threads_s: float


def fresh(trace: accelsim.Trace) -> accelsim.Trace:
    """The same layers as new objects, of which nothing is kept from before."""
    return accelsim.Trace([layer.renamed(layer.name) for layer in trace.layers], trace.name, trace.edges)


def cpu_s(call: Callable[[], object]) -> float:
    """CPU seconds of all threads of this process."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    call()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wall_s(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def plain_pass(layers: Iterable[Layer]) -> int:
    """Non-zeros of all operands."""
    return sum(int(row_nonzeros(tensor.reshape(1, -1)).sum()) for layer in layers
               for tensor in (layer.weight, layer.activation))


def cost_of(trace: accelsim.Trace, design: str, policy: str | None) -> Cost:
    """What the design costs on the trace."""
    kind = load_arch(design).kind
    colds, seconds, ones, twos = [], [], [], []
    for _ in range(REPEATS):
        new = fresh(trace)
        colds.append(cpu_s(lambda new=new: accelsim.simulate(new, design, policy=policy, threads=1)))
        seconds.append(cpu_s(lambda new=new: accelsim.simulate(new, design, policy=policy, threads=1,
                                                               set=CHANGES.get(kind, {}))))
        for threads, found in ((1, ones), (2, twos)):
            new = fresh(trace)
            found.append(wall_s(lambda new=new, threads=threads: accelsim.simulate(new, design, policy=policy,
                                                                                   threads=threads)))
    return Cost(min(colds), min(seconds), min(ones), min(twos))


def designs(wanted: list[str]) -> list[tuple[str, str, str | None]]:
    """(kind, design, policy): the kind's first shipped design, and a policy that takes any pattern, if there is one."""
    shipped_designs = [load_arch(name) for name in shipped.names("arch")]
    found = []
    for kind in wanted or sorted(kinds()):
        names = [design.name for design in shipped_designs if design.kind == kind]
        design = kind if kind in names else names[0]
        rules = machine(kind).policies
        lenient = next((name for name in ("dense_fallback", "union") if name in rules), None)
        found.append((kind, design, lenient))
    return found


def table(network: str, wanted: list[str]) -> str:
    """One network's table, in Markdown."""
    trace = accelsim.draw_trace(network, seed=1)
    plain_pass(trace.layers)
    floor = min(cpu_s(lambda: plain_pass(trace.layers)) for _ in range(5))
    operands = sum(layer.weight.size + layer.activation.size for layer in trace.layers)
    lines = [f"**`{network}`**: {len(trace)} layers, {operands / 1e6:,.0f} M operands, "
             f"{sum(layer.macs_effectual for layer in trace.layers) / 1e6:,.0f} M effectual multiply-accumulates; "
             f"one plain pass takes {1000 * floor:.0f} ms.", "",
             "| kind | design | CPU s | plain passes | second point | 2 threads |", "|---|---|--:|--:|--:|--:|"]
    small = accelsim.load_trace("digits_cnn")
    for kind, design, policy in designs(wanted):
        try:
            accelsim.simulate(small, design, policy=policy)  # compiled here
            cost = cost_of(trace, design, policy)
        except accelsim.AccelsimError as error:
            lines.append(f"| `{kind}` | `{design}` | {str(error).partition(';')[0][:90]} | | | |")
            continue
        lines.append(f"| `{kind}` | `{design}` | {cost.cold_s:.2f} | {cost.cold_s / floor:.1f} | "
                     f"{100 * cost.second_s / cost.cold_s:.0f} % | {cost.one_thread_s / cost.two_threads_s:.2f}x |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("network", nargs="*", default=list(NETWORKS))
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    tables = []
    for network in given.network:
        tables.append(table(network, given.kind))
        print(tables[-1], flush=True)
    if given.write is not None:
        page = given.write.read_text(encoding="utf-8")
        text = "\n".join(tables)
        given.write.write_text(MARK.sub(lambda found: f"{found[1]}\n{text}{found[3]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
