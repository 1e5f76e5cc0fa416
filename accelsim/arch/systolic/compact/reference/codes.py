"""Streams of activations as run-length codes. Rules 1 to 5 of docs/machines/compact.md."""

from dataclasses import dataclass

import numpy as np

from accelsim.arch.machine import Policy
from accelsim.arch.systolic.compact.config import CompactConfig
from accelsim.errors import ModelError


@dataclass(frozen=True)
class Code:
    """`length` equal values and the bits that store them."""

    value: int
    length: int
    bits: int


@dataclass(frozen=True)
class CodedStream:
    """The codes of one input, in order, and how many runs they came from."""

    codes: list[Code]
    runs: int

    @property
    def bits(self) -> int:
        return sum(code.bits for code in self.codes)

    @property
    def expanded(self) -> list[tuple[Code, int]]:
        """For each value of the stream its code, and its place in it."""
        return [(code, place) for code in self.codes for place in range(code.length)]


def coded(stream: np.ndarray, config: CompactConfig, policy: Policy) -> CodedStream:
    """One input's values as the buffer holds them."""
    starts, counted = policy(stream, config.lossy_threshold)
    ends = [*starts[1:], len(stream)]
    longest = (1 << config.run_bits) - 1
    codes = []
    for start, end, has_count in zip(starts, ends, counted, strict=True):
        left, value = int(end) - int(start), int(stream[start])
        if left < 1 or (left > 1 and not has_count):
            raise ModelError(f"policy {getattr(policy, '__name__', policy)}: a run from {start} to {end} is none, or "
                             "has no count; correct the policy")
        bits = config.value_bits + (config.run_bits if has_count else 0)
        while left > 0:
            codes.append(Code(value, min(left, longest), bits))
            left -= longest
    return CodedStream(codes, len(starts))
