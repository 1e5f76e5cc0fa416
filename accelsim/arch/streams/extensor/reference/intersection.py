"""An intersection unit: each call of `step` is one of its steps. Rules: docs/machines/extensor.md, "Steps"."""

from collections.abc import Iterator, Sequence


def steps(rule: str, first: Sequence[int], second: Sequence[int]) -> Iterator[int | None]:
    """What each step finds: a coordinate that is in both lists, or None."""
    if rule == "leader_follower":
        held = set(second)
        yield from (coordinate if coordinate in held else None for coordinate in first)
        return
    left, right = list(reversed(first)), list(reversed(second))  # the lowest is at the end
    skipping: list[int] | None = None
    while left and right:
        if left[-1] == right[-1]:
            right.pop()
            yield left.pop()
            skipping = None
            continue
        lower = left if left[-1] < right[-1] else right
        lower.pop()
        if rule == "two_finger" or lower is not skipping:
            yield None
        skipping = lower
