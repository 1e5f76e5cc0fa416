"""The design space of a study: names resolved to checked configs, policies and digests, and one `Point` per run."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import load_arch, machine, policies
from accelsim.errors import ConfigError
from accelsim.hw.energy import EnergyTable, load_energy_table
from accelsim.result.result import run_id_of
from accelsim.simulation import find_policy
from accelsim.study.schema import Design, Grid, Listed, Random, Study, axes_of
from accelsim.study.traces import StudyTrace
from accelsim.study.where import Condition, parse_where
from accelsim.yaml import digest_of, flattened

MAX_POINTS = 1_000_000


@dataclass(frozen=True)
class Point:
    """One run to be made.

    facts: the columns of its row that are known before the run. group: points with equal groups share what is derived
    from trace and mapping. error: why it cannot be run at all.
    """

    run_id: str
    facts: Mapping[str, Any]
    group: tuple[Any, ...]
    config: ArchConfig | None
    error: str | None = None


@dataclass(frozen=True)
class Combination:
    """A design, before it meets a trace."""

    design: int
    policy: str
    changes: Mapping[str, Any]


class Space:
    """All that a study can choose from. Raises ConfigError when an arch, a key, a value or a policy is unusable."""

    def __init__(self, study: Study, traces: Sequence[StudyTrace]) -> None:
        self.study = study
        self.traces = list(traces)
        self.bases = [load_arch(design.arch) for design in study.archs]
        self.policies = [_policies(design, study, base) for design, base in zip(study.archs, self.bases, strict=True)]
        self.axes = [axes_of(study, design) for design in study.archs]
        self.tables: dict[str, EnergyTable] = {}  # by digest
        self.excluded = 0
        self._conditions: list[tuple[str, Condition]] = [(text, parse_where(text)) for text in study.constraints]
        self._table = cache(load_energy_table)

    @property
    def sizes(self) -> list[int]:
        """Combinations of each design."""
        return [len(p) * math.prod(len(v) for v in axes.values())
                for p, axes in zip(self.policies, self.axes, strict=True)]

    def combination(self, number: int) -> Combination:
        """Combination `number` of sum(sizes): designs in order, then policies, then axes, the last fastest."""
        design = 0
        while number >= self.sizes[design]:
            number -= self.sizes[design]
            design += 1
        changes: dict[str, Any] = {}
        for key, values in reversed(self.axes[design].items()):
            number, at = divmod(number, len(values))
            changes[key] = values[at]
        return Combination(design, self.policies[design][number], dict(reversed(changes.items())))

    def combinations(self) -> Iterator[Combination]:
        """What the study's grid, list or random draw names, in order."""
        choose, total = self.study.choose, sum(self.sizes)
        if isinstance(choose, Listed):
            yield from self._listed(choose)
        elif isinstance(choose, Random):
            for seed in choose.seeds:
                for number in random.Random(seed).sample(range(total), min(choose.points, total)):
                    yield self.combination(number)
        elif isinstance(choose, Grid):
            if total * len(self.traces) > MAX_POINTS:
                raise ConfigError(f"study {self.study.name!r}: the grid has {total * len(self.traces):,} points, more "
                                  f"than {MAX_POINTS:,}; shorten the axes, or choose: {{by: random}} or {{by: optuna}}")
            yield from map(self.combination, range(total))

    def points(self) -> list[Point]:
        """One point per combination and trace that the constraints allow, each run id once; traces outermost."""
        chosen = list(self.combinations())
        found: dict[str, Point] = {}
        for trace, combination in itertools.product(self.traces, chosen):
            point = self.point(trace, combination)
            if point is not None:
                found.setdefault(point.run_id, point)
        if not found:
            raise ConfigError(f"study {self.study.name!r}: no point is left; the constraints exclude all "
                              f"{self.excluded:,}: {' | '.join(self.study.constraints)}")
        return list(found.values())

    def point(self, trace: StudyTrace, combination: Combination) -> Point | None:
        """The point, or None (and counted in `excluded`) where a constraint does not hold."""
        base, policy = self.bases[combination.design], combination.policy
        known: dict[str, Any] = {"trace": trace.name, "trace_digest": trace.digest, "arch": base.name,
                                 "kind": base.kind, "policy": policy}
        try:
            config = load_arch(base, combination.changes)
            table = self._table(config.energy_table)
        except ConfigError as error:
            keys = flattened(base.to_dict()) | dict(combination.changes)
            asked = {f"config.{key}": value for key, value in keys.items()
                     if key not in ("kind", "name")}
            run_id = digest_of(["not runnable", known, asked])[:16]
            return Point(run_id, known | asked, (), None, f"ConfigError: {error}")
        self.tables[table.digest] = table
        model = machine(config.kind)
        known |= {"arch": config.name, "model_version": model.version, "energy_table": table.name,
                  "energy_table_digest": table.digest}
        known |= {f"config.{k}": v for k, v in flattened(config.to_dict()).items() if k not in ("kind", "name")}
        sizes = {"area_mm2": model.area_mm2(config), "sram_kbytes": model.sram_kbytes(config)}
        known |= {name: value for name, value in sizes.items() if value is not None}
        if not self._allowed(known):
            self.excluded += 1
            return None
        run_id = run_id_of(config, table.digest, trace.digest, policy, "kernel", model.version)
        group = (trace.digest, config.kind, policy, *(_hashable(getattr(config, key)) for key in model.mapping_keys))
        return Point(run_id, known, group, config)

    def _listed(self, choose: Listed) -> Iterator[Combination]:
        archs = [d.arch for d in self.study.archs]
        for number, point in enumerate(choose.points):
            design = 0
            if point.arch is not None:
                named = [i for i, base in enumerate(self.bases) if point.arch in (base.name, archs[i])]
                if not named:
                    raise ConfigError(f"study {self.study.name!r}: choose.points[{number}]: arch {point.arch!r} is not "
                                      f"among the study's archs: {', '.join(archs)}")
                design = named[0]
            policy = self.policies[design][0]
            if point.policy is not None:
                policy, _ = find_policy(self.bases[design].kind, point.policy)
            yield Combination(design, policy, dict(point.set))

    def _allowed(self, known: Mapping[str, Any]) -> bool:
        for text, condition in self._conditions:
            try:
                if not condition(known):
                    return False
            except ConfigError as error:
                raise ConfigError(f"study {self.study.name!r}: constraint {text!r}: {error}; a constraint names what "
                                  "is known before a run") from None
        return True


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _policies(design: Design, study: Study, base: ArchConfig) -> list[str]:
    names = design.policies or study.policies
    if names is None:
        return [next(iter(policies(base.kind)))]
    if names == ["all"]:
        return list(policies(base.kind))
    return list(dict.fromkeys(find_policy(base.kind, name)[0] for name in names))
