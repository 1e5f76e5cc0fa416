"""What a machine is to the rest of the house: a config class, two engines, and names for all it counts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from accelsim.arch.activity import Activity, Window
from accelsim.config import ArchConfig
from accelsim.errors import ConfigError
from accelsim.hw.energy import Action
from accelsim.hw.memory.tiles import LayerMemory, Tiles
from accelsim.loads import PeWork
from accelsim.workload.layer import Layer

Policy = Callable[..., Any]  # each kind's docstring states the signature of its own policies


@dataclass(frozen=True)
class LayerRun:
    """What an engine says about one layer.

    slots: units of work the machine could do per cycle (PEs, or multipliers), over which stalls are counted.
    stalls: slot-cycles by name, "busy" among them; they sum to slots x cycles.
    counts: every action counted, by the names the machine declares.
    notes: what the user should know about how this layer was mapped; see also `Machine.notes`.
    mapping: chosen tiles, passes, orders: small JSON-able values.
    output: the computed tensor (reference engine only), in the shape of `layer.output()`.
    tiles: what the layer moves from and to DRAM, and when (docs/memory.md), without what the config says is resident;
    needed only when the config has `dram`.
    memory: instead of tiles, from a machine with `own_dram`: what its DRAM did, the waits being among its own stalls.
    work: the work of each PE; the sum is that of the stalls it names. None: the machine does not tell.
    """

    cycles: int
    slots: int
    stalls: Mapping[str, int]
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    mapping: Mapping[str, Any] = field(default_factory=dict)
    output: np.ndarray | None = None
    tiles: Tiles | None = None
    memory: LayerMemory | None = None
    work: PeWork | None = None


class Machine(ABC):
    """One arch kind. Stateless; registered by one line in `accelsim/arch/__init__.py`.

    `version` is part of every run id: raise it with each change that moves a number (and say so in CHANGELOG).
    `stalls` starts with "busy". The first of `policies` is the default and the published one.
    `stall_classes` says what a stall is to the roofline: "compute" (a slot at work, useful or not), "imbalance" (a slot
    without work of its own while others work), else "on-chip"; "busy" is compute.
    `own_dram`: the engines simulate a DRAM of the machine's own, which follows the config's `dram`, and no memory
    timeline is laid over them; such a machine overrides `instant_dram`.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    config: ClassVar[type[ArchConfig]]
    stalls: ClassVar[tuple[str, ...]]
    counts: ClassVar[tuple[str, ...]]
    policies: ClassVar[Mapping[str, Policy]]
    stall_classes: ClassVar[Mapping[str, str]] = {}
    own_dram: ClassVar[bool] = False
    mapping_keys: ClassVar[tuple[str, ...]] = ()  # config keys that data of size kept by `derived` depend on

    @abstractmethod
    def run(self, layer: Layer, config: Any, policy: Policy) -> LayerRun:
        """Simulate with the fast kernel. Raises UnsupportedLayerError for a layer the machine cannot run."""

    def reference(self, layer: Layer, config: Any, policy: Policy) -> LayerRun:
        """Simulate tick by tick on real values; also yields the output. Needs `layer.has_values`.

        It is `run` of the module `reference` beside the machine's own, loaded on first use: most runs never need it.
        """
        engine = import_module(".reference", type(self).__module__.rpartition(".")[0])
        run: LayerRun = engine.run(layer, config, policy)
        return run

    def events(self, layer: Layer, config: Any, policy: Policy, window: Window) -> Activity:
        """What the fast engine's machine does when, in the window: for timelines (docs/timeline.md).

        It is `events` of the module `events` beside the machine's own, if there is one. Raises ConfigError if not.
        """
        package = type(self).__module__.rpartition(".")[0]
        if not package or find_spec(f"{package}.events") is None:
            raise ConfigError(f"kind {self.kind!r} does not say when it does what (there is no module events beside "
                              "its model); leave out the timeline, or choose another machine")
        module = import_module(f"{package}.events")
        activity: Activity = module.events(layer, config, policy, window)
        return activity

    @abstractmethod
    def actions(self, config: Any) -> Mapping[str, Action]:
        """The energy action behind each count; a count without energy is left out."""

    def notes(self, layer: Layer, config: Any, mapping: Mapping[str, Any]) -> Iterable[str]:
        """What the user should know of this layer on this design, given the run's mapping; asked only when shown."""
        return ()

    def waiting_counts(self, config: Any, cycles: int) -> Mapping[str, int]:
        """What is counted on top when the whole machine waits for memory for `cycles` (a clock network...)."""
        return {}

    def instant_dram(self, config: Any) -> Any:
        """With `own_dram`: the same design with a DRAM that takes no time, the machine alone of the roofline."""
        raise NotImplementedError(f"{self.kind}: a machine with own_dram says what it is without waits for DRAM")

    def area_mm2(self, config: Any) -> float | None:
        """Silicon area where the sources give one, else None."""
        return None

    def sram_kbytes(self, config: Any) -> float | None:
        """KiB of SRAM of the whole design where the config tells it, else None."""
        return None

    def bound_cycles(self, layer: Layer, config: Any, run: LayerRun) -> int:
        """Cycles below which no policy can take this design; here, all slots busy with the useful work of `run`."""
        return -(-run.stalls["busy"] // run.slots)
