"""Do design points that differ only in what the kernels read share what was computed for the first, and exactly?"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest

import accelsim
from accelsim import testing
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import kinds, load_arch, machine
from accelsim.errors import ConfigError, UnsupportedLayerError
from accelsim.report.files import as_json
from accelsim.workload import derived

MAPPING = {"compressed": True, "m0": 16, "c0": 4, "s0": 3, "column": 6, "row_lanes": 8, "filter_lanes": 2,
           "group_lanes": 1, "inner": "rows"}  # given, as Eyeriss's mapper may choose other tiles for any key
DESIGNS = {"dcnn": ("dcnn_opt", {}), "eyeriss": ("eyeriss_v2", {"mappings": {"c": MAPPING}}),
           "systolic": ("tpu_128x128", {}), "tensor_core": ("dstc_v100", {"tile": "64x64_32x3"})}
# of the others the preset of their name
POLICIES = {"cambricon_s": "union"}  # takes any weights; of the others the default
SMALL_BYTES = 4096  # counts that a design adds to what is kept


def layer() -> accelsim.Layer:
    rng = np.random.default_rng(4)
    return accelsim.conv2d("c", testing.tensor(rng, (32, 16, 3, 3), 0.4), testing.tensor(rng, (2, 16, 14, 14), 0.5),
                           padding=1)


def design(kind: str) -> ArchConfig:
    return load_arch(*DESIGNS.get(kind, (kind, {})))


def other_values(config: ArchConfig, key: str) -> Iterator[Any]:
    """Values of `key` that the design does not have, of the same type; the first that makes a design is used."""
    value, annotation = getattr(config, key), type(config).model_fields[key].annotation
    if get_origin(annotation) is Literal:
        yield from (option for option in get_args(annotation) if option != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield from (type(value)(v) for v in (value * 2, value + 1, value // 2))
    elif key == "dram":
        yield {"gbps": 3.0}


def kernel_only_designs(kind: str) -> Iterator[tuple[str, ArchConfig]]:
    base = design(kind)
    for key in type(base).model_fields:
        if key in machine(kind).mapping_keys or key in ("name", "energy_table"):
            continue
        for value in other_values(base, key):
            try:
                yield key, load_arch(base, {key: value})
            except ConfigError:
                continue
            break


def kept_bytes() -> int:
    return derived._kept.size_bytes


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_keys_of_the_kernel_alone_keep_what_is_there(kind):
    """For every key that is not among `mapping_keys`: another value of it computes nothing of size anew."""
    model, base, one = machine(kind), design(kind), layer()
    policy = model.policies[POLICIES.get(kind, next(iter(model.policies)))]
    for warm in (base, load_arch(base, {"dram": {"gbps": 1.0}})):  # some is computed once memory takes time
        model.run(one, warm, policy)
    before, seen = kept_bytes(), []
    for key, config in kernel_only_designs(kind):
        try:
            shared = model.run(one, config, policy)
        except UnsupportedLayerError:
            continue
        grown = kept_bytes() - before
        before += grown
        assert grown <= SMALL_BYTES, f"{key} is not among mapping_keys, but {grown:,} bytes depend on it"
        assert testing.facts(shared) == testing.facts(model.run(replace(one), config, policy)), key
        before = kept_bytes()
        seen.append(key)
    assert {"clock_mhz", "dram"} <= set(seen)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_results_are_equal_byte_for_byte_with_and_without_what_is_kept(kind):
    """Whole results of designs one after the other on one trace, and of each design on a trace of its own."""
    designs = [design(kind), *(config for _, config in kernel_only_designs(kind))][::3]
    one = accelsim.Trace([layer()], name="t")
    for config in designs:
        shared = accelsim.simulate(one, config, policy=POLICIES.get(kind))
        alone = accelsim.simulate(accelsim.Trace([layer()], name="t"), config, policy=POLICIES.get(kind))
        assert as_json([shared]) == as_json([alone])


def test_mapping_keys_are_keys_of_the_config():
    for kind in kinds():
        assert set(machine(kind).mapping_keys) <= set(machine(kind).config.model_fields), kind
