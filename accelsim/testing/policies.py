"""What every policy must pass."""

from collections.abc import Iterator, Mapping

from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import LayerRun, Policy
from accelsim.arch.registry import machine, policies
from accelsim.errors import UnsupportedLayerError
from accelsim.simulation import check_accounting
from accelsim.testing.run_facts import check_output, facts
from accelsim.testing.selection import presets, small
from accelsim.testing.small_layers import edge_layers
from accelsim.workload.layer import Layer


class PolicyConformance:
    """What every policy of a kind must pass. Subclass it and name the `kind`; `policies` may be your own, by name.

    Each unit of work is done exactly once (the reference's output is right, and useful work neither grows nor shrinks),
    the policy repeats itself, leaves its inputs alone, and no policy beats the machine's bound.
    """

    kind: str

    @property
    def policies(self) -> Mapping[str, Policy]:
        """By default every policy that is found: the machine's and those of installed packages."""
        return policies(self.kind)

    def some_configs(self) -> Iterator[ArchConfig]:
        """Designs to try: every shipped preset of the kind. Override to add small ones."""
        yield from presets(self.kind)

    def some_layers(self) -> Mapping[str, Layer]:
        """Layers to try, by name."""
        return edge_layers()

    @small
    def test_every_unit_of_work_is_done_once(self) -> None:
        for policy, layer, config, run in self._runs():
            reference = machine(self.kind).reference(layer, config, policy)
            check_output(machine(self.kind), layer, config, reference)
            check_accounting(machine(self.kind), layer, run)
            published = machine(self.kind).run(layer, config, next(iter(policies(self.kind).values())))
            assert run.stalls["busy"] == published.stalls["busy"] == reference.stalls["busy"]

    @small
    def test_policy_repeats_itself(self) -> None:
        for policy, layer, config, run in self._runs():
            copy = layer.renamed("copy")  # another object: nothing is found from before
            assert facts(machine(self.kind).run(copy, config, policy)) == facts(run)

    @small
    def test_no_policy_beats_the_bound(self) -> None:
        for _, layer, config, run in self._runs():
            assert machine(self.kind).bound_cycles(layer, config, run) <= run.cycles

    def _runs(self) -> Iterator[tuple[Policy, Layer, ArchConfig, LayerRun]]:
        for config in self.some_configs():
            for layer in self.some_layers().values():
                before = layer.digest
                for policy in self.policies.values():
                    try:
                        run = machine(self.kind).run(layer, config, policy)
                    except UnsupportedLayerError:
                        continue
                    assert layer.renamed(layer.name).digest == before, "a policy changed the tensors"
                    yield policy, layer, config, run
