"""Which tests are small, and which designs are tried where a suite names none."""

from collections.abc import Callable, Iterator

from accelsim import shipped
from accelsim.arch.config import ArchConfig
from accelsim.arch.registry import load_arch


def small(test: Callable[..., None]) -> Callable[..., None]:
    """Say that a test has small sizes; our own runs select by it. A mark would have to be known to a user's pytest."""
    test.small = True  # type: ignore[attr-defined]
    return test


def presets(kind: str) -> Iterator[ArchConfig]:
    found = [config for config in map(load_arch, shipped.names("arch")) if config.kind == kind]
    assert found, f"no shipped preset is of kind {kind!r}: override some_configs, or these tests would try nothing"
    yield from found
