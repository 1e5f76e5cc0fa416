"""What every machine must pass."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import Machine, Policy
from accelsim.arch.registry import machine
from accelsim.errors import CapacityError, UnsupportedLayerError
from accelsim.hw.energy import load_energy_table
from accelsim.simulation import check_accounting
from accelsim.testing.run_facts import check_output, check_traffic, differences, facts
from accelsim.testing.selection import presets, small
from accelsim.testing.small_layers import edge_layers, layers
from accelsim.testing.timelines import check_timeline
from accelsim.workload.layer import Layer

INHERITED = settings(suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow,
                                             HealthCheck.data_too_large], deadline=None)


class MachineConformance:
    """Subclass it, name the `kind`, and give small `configs`."""

    kind: str

    def configs(self) -> st.SearchStrategy[ArchConfig]:
        """Small designs of this kind, every parameter varied."""
        raise NotImplementedError

    def layers(self) -> st.SearchStrategy[Layer]:
        """Small layers; override to bound their size."""
        return layers()

    @property
    def machine(self) -> Machine[Any]:
        return machine(self.kind)

    @given(data=st.data())
    @INHERITED
    def test_twins_agree(self, data: st.DataObject) -> None:
        config, layer = data.draw(self.configs()), data.draw(self.layers())
        policy = data.draw(st.sampled_from(sorted(self.machine.policies)))
        self.check_twins(layer, config, self.machine.policies[policy])

    @given(data=st.data())
    @INHERITED
    def test_design_points_share_nothing_but_what_is_equal(self, data: st.DataObject) -> None:
        """A design has the same run on a layer that another design ran on before as on a layer of its own."""
        layer, rules = data.draw(self.layers()), st.sampled_from(list(self.machine.policies.values()))
        self._facts(layer, data.draw(self.configs()), data.draw(rules))
        design = data.draw(self.configs()), data.draw(rules)
        assert self._facts(layer, *design) == self._facts(layer.renamed(layer.name), *design)

    @small
    @pytest.mark.parametrize("name", sorted(edge_layers()))
    def test_edge_shapes(self, name: str) -> None:
        for config in self.some_configs():
            for policy in self.machine.policies.values():
                self.check_twins(edge_layers()[name], config, policy)

    @small
    def test_repeats_itself(self) -> None:
        for config in self.some_configs():
            for policy in self.machine.policies.values():
                first, again = ([self._facts(layer, config, policy) for layer in edge_layers().values()] for _ in "12")
                assert first == again

    @small
    def test_names(self) -> None:
        model = self.machine
        assert model.stall_names[0] == "busy"
        assert len({*model.stall_names}) == len(model.stalls)
        assert len({*model.count_names}) == len(model.counts)
        for config in self.some_configs():
            actions = model.actions(config)
            assert set(actions) <= set(model.count_names), "an action prices a count that does not exist"
            table = load_energy_table(config.energy_table)
            assert all(table.price_pj(action) >= 0 for action in actions.values())

    @given(data=st.data())
    @INHERITED
    def test_timelines_add_up(self, data: st.DataObject) -> None:
        if not self.machine.has_events:
            pytest.skip(f"kind {self.kind!r} has no fast/events.py, so it has no timelines")
        policy = data.draw(st.sampled_from(sorted(self.machine.policies)))
        check_timeline(data.draw(self.layers()), data.draw(self.configs()), policy, data.draw(st.booleans()))

    def some_configs(self) -> Iterator[ArchConfig]:
        """A few fixed designs for the edge shapes: every shipped preset of the kind. Override to add small ones."""
        yield from presets(self.kind)

    def check_twins(self, layer: Layer, config: ArchConfig, policy: Policy) -> None:
        """Kernel = reference in all facts, = kernel on the pattern; output = numpy; stalls add up; bounds hold."""
        model = self.machine
        try:
            kernel = model.run(layer, config, policy)
        except (UnsupportedLayerError, CapacityError) as error:
            with pytest.raises(type(error)):
                model.reference(layer, config, policy)
            return
        reference = model.reference(layer, config, policy)
        check_accounting(model, layer, kernel)
        check_accounting(model, layer, reference)
        assert differences(facts(kernel), facts(reference)) == {}
        check_output(model, layer, config, reference)
        if not model.approximates:
            assert facts(model.run(layer.pattern(), config, policy)) == facts(kernel)
            assert -(-layer.macs_effectual // kernel.slots) <= kernel.cycles
        assert model.bound_cycles(layer, config, kernel) <= kernel.cycles
        check_traffic(kernel)

    def _facts(self, layer: Layer, config: ArchConfig, policy: Policy) -> dict[str, Any] | str:
        try:
            return facts(self.machine.run(layer, config, policy))
        except (UnsupportedLayerError, CapacityError) as error:
            return str(error)
