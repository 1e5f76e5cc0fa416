"""What a machine is to everything else: a config class, two engines, and facts about all it counts."""

from abc import ABC
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib import import_module
from inspect import getfile
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from accelsim.arch.activity import Activity, Window
from accelsim.arch.config import ArchConfig
from accelsim.arch.facts import About, Count, Stall, names
from accelsim.arch.layer_run import Alone, LayerRun
from accelsim.arch.plain_layers import run_plainly
from accelsim.errors import ConfigError
from accelsim.hw.energy import Action
from accelsim.workload.layer import Layer

__all__ = ["Alone", "Config", "LayerRun", "Machine", "Policy"]

Policy = Callable[..., Any]  # each kind's docstring states the signature of its own policies
Config = TypeVar("Config", bound=ArchConfig)


class Machine(ABC, Generic[Config]):
    """One arch kind. Stateless. It is the class in `machine.py` of the folder that is named as its kind.

    `version` is part of every run id: raise it with each change that moves a number (and say so in CHANGELOG).
    `stalls` starts with `BUSY`. `ops`: the kinds of layers that its engines take; others run as the plain layers
    they are made of. `slot`: one of the machine's slots, as sentences begin ("a PE"). The first of `policies` is the
    default and the published one. `own_dram`: the engines simulate a DRAM of the machine's own, which follows the
    config's `dram`, and no memory timeline is laid over them; their runs say what it did, and `alone`. `approximates`:
    it computes something near the layer (of weights that it prunes, say): its output is `expected_output`, its work is
    no number of the layer's multiply-accumulates and may depend on values, where others' depends on patterns alone.

    The engines are `run` of `fast.engine` and of `reference` beside `machine.py`, loaded on first use.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    config: ClassVar[type[ArchConfig]]
    ops: ClassVar[tuple[str, ...]] = ("conv2d", "matmul")
    about: ClassVar[About]
    slot: ClassVar[str] = "a PE"
    stalls: ClassVar[tuple[Stall, ...]]
    counts: ClassVar[tuple[Count, ...]]
    policies: ClassVar[Mapping[str, Policy]]
    own_dram: ClassVar[bool] = False
    approximates: ClassVar[bool] = False
    mapping_keys: ClassVar[tuple[str, ...]] = ()  # config keys that data of size kept by `derived` depend on

    @cached_property
    def stall_names(self) -> tuple[str, ...]:
        return names(self.stalls)

    @cached_property
    def count_names(self) -> tuple[str, ...]:
        return names(self.counts)

    @cached_property
    def stall_classes(self) -> Mapping[str, str]:
        """What each stall is to the roofline."""
        return {stall.name: stall.roofline_class for stall in self.stalls}

    def design_for(self, config: Config, first: bool) -> Config:
        """The design as it runs a layer; first: one that needs no other layer, whose input comes from outside."""
        return config

    def run(self, layer: Layer, config: Config, policy: Policy) -> LayerRun:
        """Simulate with the fast kernel. Raises UnsupportedLayerError for a layer the machine cannot run."""
        return self._run("fast.engine", layer, config, policy)

    def reference(self, layer: Layer, config: Config, policy: Policy) -> LayerRun:
        """Simulate tick by tick on real values; also yields the output. Needs `layer.has_values`."""
        return self._run("reference", layer, config, policy)

    def _run(self, engine: str, layer: Layer, config: Config, policy: Policy) -> LayerRun:
        run: Callable[[Layer, Config, Policy], LayerRun] = self._room(engine).run
        if layer.op in self.ops:
            return run(layer, config, policy)
        return run_plainly(layer.plainly(), lambda plain: run(plain, config, policy))

    @property
    def has_events(self) -> bool:
        """Whether the machine says when it does what (`events` of the folder `fast`), for timelines."""
        source = getfile(type(self))
        return Path(source).with_name("fast").joinpath("events.py").is_file()

    def events(self, layer: Layer, config: Config, policy: Policy, window: Window) -> Activity:
        """What the fast engine's machine does when, in the window: for timelines (docs/timeline.md).

        Raises ConfigError if the machine does not tell.
        """
        if not self.has_events:
            raise ConfigError(f"kind {self.kind!r} does not say when it does what (there is no module fast/events.py "
                              "beside its machine.py); leave out the timeline, or choose another machine")
        if layer.op not in self.ops:
            raise ConfigError(f"layer {layer.name!r}: {self.kind} runs a {layer.op} as the plain layers it is made of, "
                              "which have no timeline; leave it out (--timeline-layer), or choose a machine that knows "
                              f"{layer.op} layers")
        activity: Activity = self._room("fast.events").events(layer, config, policy, window)
        return activity

    def bound_cycles(self, layer: Layer, config: Config, run: LayerRun) -> int:
        """Cycles below which no policy can take this design.

        It is `bound_cycles` of `fast.engine` where there is one; else all slots are busy with the useful work.
        """
        own = getattr(self._room("fast.engine"), "bound_cycles", None) if layer.op in self.ops else None
        cycles: int = -(-run.stalls["busy"] // run.slots) if own is None else own(layer, config, run)
        return cycles

    def actions(self, config: Config) -> Mapping[str, Action]:
        """The energy action behind each count; a count without energy is left out."""
        actions = {count.name: count.action_of(config) for count in self.counts}
        return {name: action for name, action in actions.items() if action is not None}

    def expected_output(self, layer: Layer, config: Config) -> np.ndarray:
        """What the reference must yield: the layer's output, unless the machine approximates. Floats are compared
        within 1e-9 of the largest, whole numbers exactly.
        """
        return layer.output()

    def notes(self, layer: Layer, config: Config, mapping: Mapping[str, Any]) -> Iterable[str]:
        """What the user should know of this layer on this design, given the run's mapping; asked only when shown."""
        return ()

    def marks(self, config: Config) -> Iterable[str]:
        """What sets a run of this design apart from plain inference, for those who compare it with others."""
        return ()

    def waiting_counts(self, config: Config, cycles: int) -> Mapping[str, int]:
        """What is counted on top when the whole machine waits for memory for `cycles` (a clock network...)."""
        return {}

    def area_mm2(self, config: Config) -> float | None:
        """Silicon area where the sources give one, else None."""
        return None

    def sram_kbytes(self, config: Config) -> float | None:
        """KiB of SRAM of the whole design where the config tells it, else None."""
        return None

    @property
    def _package(self) -> str:
        return type(self).__module__.rpartition(".")[0]

    def _room(self, name: str) -> ModuleType:
        return import_module(f"{self._package}.{name}")
