"""Both engines on whole runs outside the usual ranges: any keys, memories, graphs and policies, extreme values.

The suites of the machines draw designs that make sense; this search changes any keys of small designs to anything their
config accepts. A case is a number: the same number is the same case.
"""

from contextlib import suppress
from random import Random
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from arch.small import Small, our_kinds, small_designs

import accelsim
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import load_arch, machine
from accelsim.errors import AccelsimError, ConfigError
from accelsim.testing import tensor
from accelsim.testing.run_facts import check_output

SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 13, 16, 33, 64)
FRACTIONS = (0.0, 0.001, 0.01, 0.1, 0.5, 1.0, 3.7)
LEFT_ALONE = {"kind", "name", "energy_table", "dram", "threshold", "kept_share"}  # the last two change the outputs
MOST_SLOTS = 1 << 9  # a reference ticks every one of them
TRIES = 12  # random changes that a config may refuse before the case goes on without more


@pytest.mark.parametrize("kind", our_kinds())
def test_some_cases(kind: str) -> None:
    assert search(kind, range(4)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", our_kinds())
def test_five_hundred_cases(kind: str) -> None:
    assert search(kind, range(1000, 1500)) > 100


def search(kind: str, numbers: range) -> int:
    """Compares the engines on these cases; how many ran and were not refused."""
    ran = 0
    for number in numbers:
        rng = Random(f"{kind} {number}")
        small = rng.choice([s for name, s in small_designs().items() if name.partition(",")[0] == kind])
        trace, config = network(rng), changed(rng, small)
        policy = rng.choice(list(machine(kind).policies))
        kernel, reference = (outcome(trace, config, policy, engine) for engine in ("kernel", "reference"))
        assert kernel == reference, f"case {number}: {config!r}, {policy}, {trace!r}"
        ran += not isinstance(kernel, str)
    return ran


def outcome(trace: accelsim.Trace, config: ArchConfig, policy: str, engine: str) -> Any:
    """All that a run says but for which engine it was; or the kind of error that refuses it."""
    try:
        result = accelsim.simulate(trace, config, engine=engine, policy=policy, threads=1)
    except AccelsimError as error:
        return type(error).__name__
    if engine == "reference":
        for layer, run in zip(trace.layers, result.layers, strict=True):
            check_output(machine(config.kind), layer, config, run)
    told = result.to_dict()
    for name in ("engine", "run_id"):
        told.pop(name, None)
    for part in (told["totals"], *told["layers"]):
        for name in ("mapping", "work", "imbalance"):  # a reference need not tell them
            part.pop(name, None)
    return told


def network(rng: Random) -> accelsim.Trace:
    """One to four layers, and any edges forward."""
    layers = [any_layer(rng, f"layer{i}") for i in range(rng.randint(1, 4))]
    names = [layer.name for layer in layers]
    edges = [(a, b) for i, a in enumerate(names) for b in names[i + 1:] if rng.random() < 0.5]
    return accelsim.Trace(layers, "case", edges)


def any_layer(rng: Random, name: str) -> Any:
    """A small layer with extreme values, and often with nothing or everything in it."""
    draw = np.random.default_rng(rng.getrandbits(32))
    weights, inputs = (rng.choice((0.0, 0.05, 0.3, 0.7, 1.0)) for _ in range(2))
    extreme = rng.choice((1, 1, 127, -128))

    def values(*shape: int, density: float) -> np.ndarray:
        plain = tensor(draw, shape, density)
        return plain if extreme == 1 else np.where(plain != 0, extreme, 0).astype(np.int8)

    if rng.random() < 0.5:
        out, n_in, batch = rng.randint(1, 20), rng.randint(1, 24), rng.randint(1, 3)
        return accelsim.linear(name, values(out, n_in, density=weights), values(batch, n_in, density=inputs))
    groups, per_group, filters = rng.choice((1, 1, 2, 3)), rng.randint(1, 3), rng.randint(1, 3)
    kernel = (rng.randint(1, 3), rng.randint(1, 3))
    plane = (rng.randint(3, 7), rng.randint(3, 7))
    return accelsim.conv2d(name, values(groups * filters, per_group, *kernel, density=weights),
                           values(rng.randint(1, 2), groups * per_group, *plane, density=inputs),
                           stride=(rng.randint(1, 3), rng.randint(1, 2)), padding=rng.randint(0, 1), groups=groups)


def changed(rng: Random, small: Small) -> ArchConfig:
    """The small design with up to four keys and perhaps its memory changed to what its config accepts."""
    config = small.config()
    wanted = rng.randint(0, 4)
    for _ in range(TRIES):
        if not wanted:
            break
        name = rng.choice([n for n in type(config).model_fields if n not in LEFT_ALONE])
        try:
            new = load_arch(config, {name: value_for(rng, type(config).model_fields[name].annotation)})
        except ConfigError:
            continue
        if slots_of(new) <= MOST_SLOTS:
            config, wanted = new, wanted - 1
    if rng.random() < 0.5:
        with suppress(ConfigError):
            return load_arch(config, {"dram": memory(rng)})
    return config


def value_for(rng: Random, annotation: Any) -> Any:
    """Something of the key's type, as a rule."""
    options = [a for a in get_args(annotation) if a is not type(None)] if get_origin(annotation) is not Literal else []
    kind = rng.choice(options) if options else annotation
    if get_origin(kind) is Literal:
        return rng.choice(get_args(kind))
    if kind is bool:
        return rng.random() < 0.5
    return rng.choice(SIZES if kind is int else FRACTIONS if kind is float else (*SIZES, *FRACTIONS, None))


def memory(rng: Random) -> dict[str, Any]:
    """Any DRAM."""
    model = rng.choice(("stream", "stream", "ddr4_3200", "lpddr4_3200", "hbm2"))
    found: dict[str, Any] = {"model": model, "latency_ns": rng.choice((None, 0, 17, 400))}
    if model == "stream":
        return found | {"gbps": rng.choice((0.05, 0.7, 25.6, 900.0)), "burst_bytes": rng.choice((None, 1, 64))}
    return found | {"channels": rng.choice((1, 2)), "row_buffer": rng.random() < 0.5}


def slots_of(config: ArchConfig) -> int:
    """Slots of a run on this design, found by running next to nothing."""
    layer = accelsim.linear("one", [[1]], [1])
    try:
        policy = next(iter(machine(config.kind).policies.values()))
        return machine(config.kind).run(layer, config, policy).slots
    except AccelsimError:
        return 0
