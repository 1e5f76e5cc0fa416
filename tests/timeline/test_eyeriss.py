"""Is a timeline of Eyeriss what its reference does, PE by PE and cycle by cycle?"""

from collections import Counter

import pytest
from arch.eyeriss.designs import design, legal_mapping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import accelsim
from accelsim import load_arch, testing
from accelsim.arch.row_stationary.eyeriss.reference import run
from accelsim.arch.row_stationary.eyeriss.reference.array import PeArray
from accelsim.arch.row_stationary.eyeriss.reference.pe import Pe
from accelsim.testing.timelines import slot_cycles, tracks


@st.composite
def designs(draw):
    sides, one_of = st.integers(1, 2), st.sampled_from
    return design(
        cluster_rows=draw(sides), cluster_cols=draw(sides), pe_rows=draw(sides), pe_cols=draw(sides),
        macs_per_pe=draw(st.integers(1, 3)), pe=draw(one_of(("skip", "skip", "gate"))),
        pipeline_stages=draw(one_of((1, 3, 7))), psum_words=draw(one_of((1, 2, 5, 32))),
        glb_psum_bytes=draw(one_of((30, 100, 7680))), iact_port_bits=draw(one_of((1, 8, 24))),
        psum_port_bits=draw(one_of((20, 40))))


def reference_passes(layer, config, mapping):
    """Per pass of the reference: (lane, its PEs, its cycles) of each lane; cycles of weights, iacts, psums, compute.

    history of a PE: what its slots did, by cycle from the begin of computing.
    """
    passes = []
    tick, account = Pe.tick, PeArray._account

    def ticked(self, now, column_ended):
        before = self.stalls.copy()
        tick(self, now, column_ended)
        self.__dict__.setdefault("history", []).append(self.stalls - before)

    def accounted(self, one, columns, network):
        lanes = [(lane, column.pes, column.cycles) for lane, column in zip(one.lanes, columns, strict=True)]
        passes.append((lanes, network.weights.cycles, network.iacts.cycles, network.psums.cycles,
                       max(column.cycles for column in columns)))
        return account(self, one, columns, network)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Pe, "tick", ticked)
        patched.setattr(PeArray, "_account", accounted)
        run(layer, config, lambda *_: mapping)
    return passes


def expected(pe, lane_cycles, one, slots):
    """What the slots of a mapped PE do in each cycle of a pass."""
    _, weights, iacts, psums, compute = one
    network = "psum" if psums > iacts else "iact"
    assert len(pe.history) == lane_cycles
    waits = ["weight"] * weights, ["barrier"] * (compute - lane_cycles) + [network] * (max(iacts, psums) - compute)
    before, after = ([Counter({name: slots}) for name in names] for names in waits)
    return [*before, *pe.history, *after]


@given(data=st.data())
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_every_slice_has_what_the_reference_does_in_its_cycles(data):
    config, layer = data.draw(designs()), data.draw(testing.layers(size=6))
    mapping = data.draw(legal_mapping(layer, config))
    config = load_arch(config, {"mappings": {layer.name: mapping.model_dump()}})
    result = accelsim.simulate(layer, config)
    units = tracks(accelsim.timeline(result, limit=10**9).to_dict(), "units")
    begin = 0
    for one in reference_passes(layer, config, mapping):
        end = begin + one[1] + max(one[2:])
        mapped = {f"PE ({lane.top_row + i}, {lane.column})": expected(pe, cycles, one, config.macs_per_pe)
                  for lane, pes, cycles in one[0] for i, pe in enumerate(pes)}
        for name, own in units.items():
            slices = [e for e in own if begin <= e["ts"] < end]
            assert sum(e["dur"] for e in slices) == end - begin
            for event in slices:
                first = event["ts"] - begin
                done = (sum(mapped[name][first:first + event["dur"]], Counter()) if name in mapped else
                        Counter(fragmentation=event["dur"] * config.macs_per_pe))
                told = slot_cycles(event, result.stalls)
                assert +told == done, (name, event)
        begin = end
    assert begin == result.cycles
