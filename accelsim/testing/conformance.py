"""What every machine and every policy must pass."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim import shipped
from accelsim.arch.config import ArchConfig
from accelsim.arch.machine import LayerRun, Machine, Policy
from accelsim.arch.registry import load_arch, machine, policies
from accelsim.errors import CapacityError, UnsupportedLayerError
from accelsim.hw.energy import load_energy_table
from accelsim.simulation import check_accounting
from accelsim.testing.timelines import check_timeline
from accelsim.workload.layer import Layer, conv2d, linear, matmul

DENSITIES = (0.0, 0.1, 0.3, 0.6, 1.0)

def _small(test: Callable[..., None]) -> Callable[..., None]:
    """Say that a test has small sizes; our own runs select by it. A mark would have to be known to a user's pytest."""
    test.small = True  # type: ignore[attr-defined]
    return test


_inherited = settings(suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow,
                                             HealthCheck.data_too_large], deadline=None)


def tensor(rng: np.random.Generator, shape: tuple[int, ...], density: float, signed: bool = True,
           hollow: bool = False) -> np.ndarray:
    """int8 values of about this density; `hollow` empties some slices of every axis, as structured pruning would."""
    values = rng.integers(1, 16, shape) * (rng.choice((-1, 1), shape) if signed else 1)
    keep = rng.random(shape) < density
    if hollow:
        for axis, size in enumerate(shape):
            empty = rng.random(size) < 0.3
            keep &= ~empty.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return np.where(keep, values, 0).astype(np.int8)


@st.composite
def layers(draw: st.DrawFn, size: int = 12, ops: tuple[str, ...] = ("linear", "matmul", "conv2d")) -> Layer:
    """Small layers with values, of every operator, ragged shapes and any density; `size` bounds each axis."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hollow = draw(st.booleans())
    density = [draw(st.sampled_from(DENSITIES)) for _ in range(2)]
    op = draw(st.sampled_from(ops))
    axis = st.integers(1, size)
    if op == "conv2d":
        return _conv(draw, rng, density, hollow, size)
    out, n_in, batch = draw(axis), draw(axis), draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3)) if op == "matmul" else 1
    weight = tensor(rng, (groups, out, n_in), density[0], hollow=hollow)
    activation = tensor(rng, (groups, batch, n_in), density[1], hollow=hollow)
    if op == "matmul":
        return matmul("m", weight, activation)
    return linear("l", weight[0], activation[0], _bias(draw, rng, out))


def _conv(draw: st.DrawFn, rng: np.random.Generator, density: list[float], hollow: bool, size: int) -> Layer:
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    kernel, stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(2)) for _ in range(3))
    extent = [dilation[d] * (kernel[d] - 1) + 1 for d in range(2)]
    padding = tuple(draw(st.integers(0, min(2, e))) for e in extent)
    plane = [draw(st.integers(max(1, e - 2 * p), max(1, e - 2 * p) + size // 2))
             for e, p in zip(extent, padding, strict=True)]
    weight = tensor(rng, (filters, channels // groups, *kernel), density[0], hollow=hollow)
    activation = tensor(rng, (draw(st.integers(1, 2)), channels, *plane), density[1], hollow=hollow)
    return conv2d("c", weight, activation, stride, padding, dilation, groups, _bias(draw, rng, filters))


def _bias(draw: st.DrawFn, rng: np.random.Generator, outputs: int) -> np.ndarray | None:
    kind = draw(st.sampled_from(("none", "some zero", "dense")))
    if kind == "none":
        return None
    return rng.integers(1, 100, outputs) * (rng.random(outputs) < (0.5 if kind == "some zero" else 1.0))


def edge_layers() -> dict[str, Layer]:
    """Layers that break careless models, by name."""
    rng = np.random.default_rng(7)
    dense = tensor(rng, (5, 9), 1.0)
    holes = tensor(rng, (6, 11), 0.5)
    rows, cols = holes.copy(), holes.copy()
    rows[::2] = 0
    cols[:, ::2] = 0
    active = tensor(rng, (11,), 0.6)
    plane = tensor(rng, (1, 4, 5, 6), 0.6)
    return {
        "one by one": linear("l", [[1]], [1]),
        "single zero": linear("l", [[0]], [0]),
        "empty rows": linear("l", rows, active),
        "empty columns": linear("l", cols, active),
        "all-zero activation": linear("l", dense, np.zeros(9, np.int8)),
        "all-zero activation with bias": linear("l", dense, np.zeros(9, np.int8), np.arange(5)),
        "all-zero weight": linear("l", np.zeros((3, 4), np.int8), [1, 0, 2, 3]),
        "all zero, with zero bias": linear("l", np.zeros((3, 4), np.int8), [0, 0, 0, 0], [0, 0, 0]),
        "dense": linear("l", dense, np.ones(9, np.int8)),
        "one long row": linear("l", tensor(rng, (1, 70), 0.5), tensor(rng, (70,), 0.5)),
        "one long column": linear("l", tensor(rng, (70, 1), 0.1), [3]),
        "batch with an empty vector": linear("l", holes, np.stack([active, 0 * active, active])),
        "attention": matmul("m", tensor(rng, (2, 4, 5), 0.5), tensor(rng, (2, 3, 5), 0.5)),
        "depthwise": conv2d("c", tensor(rng, (4, 1, 3, 3), 0.5), plane, padding=1, groups=4),
        "grouped, strided": conv2d("c", tensor(rng, (6, 2, 3, 2), 0.5), plane, (2, 1), (1, 0), groups=2),
        "dilated": conv2d("c", tensor(rng, (2, 4, 2, 2), 0.7), plane, dilation=(2, 3), padding=2),
        "stride beyond the filter": conv2d("c", tensor(rng, (3, 4, 1, 1), 0.7), plane, stride=3),
        "empty channel": conv2d("c", tensor(rng, (3, 4, 3, 3), 0.7), plane * np.array([1, 0, 1, 0])[:, None, None]),
        "one image of two empty": conv2d("c", tensor(rng, (3, 4, 3, 3), 0.7), np.concatenate([plane, 0 * plane]),
                                         bias=[1, 0, 2]),
        "filter as large as the plane": conv2d("c", tensor(rng, (2, 4, 5, 6), 0.4), plane),
    }


def pattern_of(layer: Layer) -> Layer:
    """The same layer, non-zeros as bools."""
    bias = None if layer.bias is None else layer.bias != 0
    return replace(layer, weight=layer.weight != 0, activation=layer.activation != 0, bias=bias)


def facts(run: LayerRun) -> dict[str, Any]:
    """All that the twins must agree on, in one comparable dict."""
    work = None if run.work is None else {"": (run.work.grid, run.work.stalls, run.work.cells.tolist())}
    tiles = None if run.tiles is None else run.tiles.to_lists()
    parts = {"stall": run.stalls, "count": run.counts, "mapping": run.mapping, "tiles": tiles or {}, "work": work or {},
             "memory": {} if run.memory is None else vars(run.memory)}
    flat = {f"{part} {name}": value for part, some in parts.items() for name, value in some.items()}
    return {"cycles": run.cycles, "slots": run.slots} | flat


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
    @_inherited
    def test_twins_agree(self, data: st.DataObject) -> None:
        config, layer = data.draw(self.configs()), data.draw(self.layers())
        policy = data.draw(st.sampled_from(sorted(self.machine.policies)))
        self.check_twins(layer, config, self.machine.policies[policy])

    @given(data=st.data())
    @_inherited
    def test_design_points_share_nothing_but_what_is_equal(self, data: st.DataObject) -> None:
        """A design has the same run on a layer that another design ran on before as on a layer of its own."""
        layer, rules = data.draw(self.layers()), st.sampled_from(list(self.machine.policies.values()))
        self._facts(layer, data.draw(self.configs()), data.draw(rules))
        design = data.draw(self.configs()), data.draw(rules)
        assert self._facts(layer, *design) == self._facts(replace(layer), *design)

    @_small
    @pytest.mark.parametrize("name", sorted(edge_layers()))
    def test_edge_shapes(self, name: str) -> None:
        for config in self.some_configs():
            for policy in self.machine.policies.values():
                self.check_twins(edge_layers()[name], config, policy)

    @_small
    def test_repeats_itself(self) -> None:
        for config in self.some_configs():
            for policy in self.machine.policies.values():
                first, again = ([self._facts(layer, config, policy) for layer in edge_layers().values()] for _ in "12")
                assert first == again

    @_small
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
    @_inherited
    def test_timelines_add_up(self, data: st.DataObject) -> None:
        policy = data.draw(st.sampled_from(sorted(self.machine.policies)))
        check_timeline(data.draw(self.layers()), data.draw(self.configs()), policy, data.draw(st.booleans()))

    def some_configs(self) -> Iterator[ArchConfig]:
        """A few fixed designs for the edge shapes: every shipped preset of the kind. Override to add small ones."""
        yield from _presets(self.kind)

    def check_twins(self, layer: Layer, config: ArchConfig, policy: Policy) -> None:
        """Kernel = reference in all facts, = kernel on the pattern; output = numpy; books balance; bounds hold."""
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
        assert _differences(facts(kernel), facts(reference)) == {}
        assert reference.output is not None
        np.testing.assert_array_equal(reference.output, layer.output(), strict=True)
        assert facts(model.run(pattern_of(layer), config, policy)) == facts(kernel)
        assert max(-(-layer.macs_effectual // kernel.slots), model.bound_cycles(layer, config, kernel)) <= kernel.cycles
        if config.dram is not None and kernel.tiles is not None:
            assert kernel.tiles.compute_cycles.sum() == kernel.cycles
            assert all(min(values, default=0) >= 0 for values in kernel.tiles.to_lists().values())

    def _facts(self, layer: Layer, config: ArchConfig, policy: Policy) -> dict[str, Any] | str:
        try:
            return facts(self.machine.run(layer, config, policy))
        except (UnsupportedLayerError, CapacityError) as error:
            return str(error)


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
        yield from _presets(self.kind)

    def some_layers(self) -> Mapping[str, Layer]:
        """Layers to try, by name."""
        return edge_layers()

    @_small
    def test_every_unit_of_work_is_done_once(self) -> None:
        for policy, layer, config, run in self._runs():
            reference = machine(self.kind).reference(layer, config, policy)
            assert reference.output is not None
            np.testing.assert_array_equal(reference.output, layer.output(), strict=True)
            check_accounting(machine(self.kind), layer, run)
            published = machine(self.kind).run(layer, config, next(iter(policies(self.kind).values())))
            assert run.stalls["busy"] == published.stalls["busy"] == reference.stalls["busy"]

    @_small
    def test_policy_repeats_itself(self) -> None:
        for policy, layer, config, run in self._runs():
            copy = replace(layer, name="copy")  # another object: nothing is found from before
            assert facts(machine(self.kind).run(copy, config, policy)) == facts(run)

    @_small
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
                    assert replace(layer).digest == before, "a policy changed the tensors"
                    yield policy, layer, config, run


def _presets(kind: str) -> Iterator[ArchConfig]:
    found = [config for config in map(load_arch, shipped.names("arch")) if config.kind == kind]
    assert found, f"no shipped preset is of kind {kind!r}: override some_configs, or these tests would try nothing"
    yield from found


def _differences(kernel: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Facts on which the twins disagree: name -> (kernel, reference). Mapping, tiles, work are optional."""
    names = [n for n in {**kernel, **reference} if not n.startswith(("mapping", "tiles", "work")) or n in reference]
    return {n: (kernel.get(n), reference.get(n)) for n in names if kernel.get(n) != reference.get(n)}
