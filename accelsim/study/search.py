"""Guided choice of points with Optuna. The same study asks for the same points, on any number of workers and after any
interruption: batches have a fixed size, the sampler gets outcomes in the order of its questions, and a resumed search
is asked again from the start, with what the store holds as answers.
"""

import random
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accelsim.errors import ConfigError
from accelsim.study.pareto import Objective, costs, front, parse_objectives
from accelsim.study.schema import Search
from accelsim.study.space import Combination, Point, Space

if TYPE_CHECKING:
    import optuna

_PER_DESIGN = ("area_mm2", "sram_kbytes")  # the same on every trace, so not added up

GENERATIONS = 16  # that a search should have; what is published as usual, 50 points in each, is for thousands

# runs the points and returns their rows, None for a point that failed
RunBatch = Callable[[list[Point]], list[dict[str, Any] | None]]


def search(space: Space, choose: Search, run_batch: RunBatch) -> None:
    """Ask, run and tell until `choose.points` different combinations have been tried for every seed.

    The objectives of a combination are sums over the study's traces. One that a constraint excludes, or that fails, is
    told as failed. What was tried before takes no point of the budget: the sampler is told the outcome again, and a
    neighbour of the front takes the place. Raises ConfigError when Optuna is missing or an objective is not a number.
    """
    objectives = parse_objectives(choose.objectives)
    for seed in choose.seeds:
        study = _study(choose, seed)
        draw = random.Random(seed)
        tried: dict[int, tuple[float, ...] | None] = {}
        wanted = min(choose.points, sum(space.sizes))
        while len(tried) < wanted:
            batch = _new_trials(study, space, tried, min(choose.batch, wanted - len(tried)), draw)
            outcomes = _outcomes(space, [space.combination(n) for n in batch], objectives, run_batch)
            for (number, trial), values in zip(batch.items(), outcomes, strict=True):
                tried[number] = values
                _tell(study, trial, values)


def _new_trials(study: "optuna.Study", space: Space, tried: Mapping[int, tuple[float, ...] | None], count: int,
                draw: random.Random) -> "dict[int, optuna.Trial]":
    """`count` trials of combinations that were not tried, by their numbers: a quarter are neighbours of the front, and
    as many more as the sampler repeats itself. On a small space it does so more and more often, and neighbours are what
    completes a front.
    """
    batch: dict[int, optuna.Trial] = {}
    for _ in range(count - count // 4 if tried else count):
        trial = study.ask()
        number = _suggest(trial, space)
        if number in tried or number in batch:
            _tell(study, trial, tried.get(number))
        else:
            batch[number] = trial
    while len(batch) < count:
        number = unexplored(space, tried, batch, draw)
        study.enqueue_trial(_parameters(space, number))
        batch[number] = study.ask()
        _suggest(batch[number], space)
    return batch


def unexplored(space: Space, tried: Mapping[int, tuple[float, ...] | None], batch: Container[int],
               draw: random.Random) -> int:
    """A combination neither tried nor in `batch`: a point of the front with one axis changed, by one step while there
    still is such a one, else by any; else whatever is left.
    """
    known = {values: number for number, values in tried.items() if values is not None}
    best = [list(known.values())[i] for i in front(list(known))]
    for steps in (1, None):
        near = {n for number in best for n in _neighbours(space, number, steps) if n not in tried and n not in batch}
        if near:
            return draw.choice(sorted(near))
    while True:
        number = draw.randrange(sum(space.sizes))
        if number not in tried and number not in batch:
            return number


def _neighbours(space: Space, number: int, steps: int | None) -> Iterator[int]:
    """Combinations of the same design that differ in one axis, or the policy, by at most that many places."""
    design, first = 0, 0
    while number >= first + space.sizes[design]:
        first += space.sizes[design]
        design += 1
    stride = 1
    for size in (*(len(values) for values in reversed(space.axes[design].values())), len(space.policies[design])):
        own = (number - first) // stride % size
        for other in range(size) if steps is None else range(max(0, own - steps), min(size, own + steps + 1)):
            if other != own:
                yield number + (other - own) * stride
        stride *= size


def _parameters(space: Space, number: int) -> dict[str, int]:
    """What `_suggest` has to be told to answer `number`."""
    sizes, design = space.sizes, 0
    while number >= sizes[design]:
        number -= sizes[design]
        design += 1
    parameters = {"arch": design}
    for key, values in reversed(space.axes[design].items()):
        number, parameters[f"{design} {key}"] = divmod(number, len(values))
    return parameters | {f"{design} policy": number}


def _study(choose: Search, seed: int) -> "optuna.Study":
    try:
        import optuna
    except ImportError:
        raise ConfigError("choose: {by: optuna} needs Optuna; pip install 'accelsim[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler: optuna.samplers.BaseSampler
    if choose.sampler == "nsga2":
        population = min(50, max(4, choose.points // GENERATIONS))
        sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=population)
    else:
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(1, choose.points // 4)))
    return optuna.create_study(directions=["minimize"] * len(choose.objectives), sampler=sampler)


def _tell(study: "optuna.Study", trial: "optuna.Trial", values: Sequence[float] | None) -> None:
    from optuna.trial import TrialState

    if values is None:
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, list(values))


def _suggest(trial: "optuna.Trial", space: Space) -> int:
    """The number of the combination that `trial` proposes. Axes of numbers are ordered, all others categories."""
    sizes = space.sizes
    design = trial.suggest_categorical("arch", range(len(sizes))) if len(sizes) > 1 else 0
    number = 0
    policies = space.policies[design]
    if len(policies) > 1:
        number = trial.suggest_categorical(f"{design} policy", range(len(policies)))
    for key, values in space.axes[design].items():
        ordered = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        name, last = f"{design} {key}", len(values) - 1
        at = trial.suggest_int(name, 0, last) if ordered else trial.suggest_categorical(name, range(len(values)))
        number = number * len(values) + at
    return sum(sizes[:design]) + number


def _outcomes(space: Space, combinations: Sequence[Combination], objectives: Sequence[Objective], run_batch: RunBatch
              ) -> list[tuple[float, ...] | None]:
    """What each combination costs, added up over the traces; None where it is excluded or fails."""
    points = [[space.point(trace, combination) for trace in space.traces] for combination in combinations]
    wanted = {p.run_id: p for some in points for p in some if p is not None}
    rows = dict(zip(wanted, run_batch(list(wanted.values())), strict=True))
    found: list[tuple[float, ...] | None] = []
    for some in points:
        own = [None if p is None else rows[p.run_id] for p in some]
        vectors = [costs(row, objectives) for row in own if row is not None]
        complete = len(vectors) == len(own)
        found.append(_added(vectors, objectives) if complete else None)
    return found


def _added(vectors: Sequence[tuple[float, ...]], objectives: Sequence[Objective]) -> tuple[float, ...]:
    return tuple(column[0] if objective.column in _PER_DESIGN else sum(column)
                 for objective, column in zip(objectives, zip(*vectors, strict=True), strict=True))
