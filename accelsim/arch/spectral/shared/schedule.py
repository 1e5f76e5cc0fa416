"""Schedules that policies give, held to rule 13 of docs/machines/spectral.md."""

from collections.abc import Sequence
from itertools import chain

from accelsim.arch.machine import Policy
from accelsim.errors import ModelError

Schedule = list[list[tuple[int, int]]]


def checked_schedule(policy: Policy, index_sets: Sequence[Sequence[int]], replicas: int) -> Schedule:
    """What `policy` gives; ModelError where it is no schedule of these kernels."""
    name = f"policy {getattr(policy, '__name__', policy)}"
    try:
        rows = [[(int(kernel), int(index)) for kernel, index in row] for row in policy(index_sets, replicas)]
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name}: wanted a list of cycles, each a list of (kernel, index): {error}; correct the "
                         "policy") from error
    wanted = {(kernel, index) for kernel, indices in enumerate(index_sets) for index in indices}
    given = list(chain.from_iterable(rows))
    if len(given) != len(wanted) or set(given) != wanted:
        raise ModelError(f"{name}: does not give each of {len(wanted)} entries one cycle; correct the policy")
    for number, row in enumerate(rows):
        if len({kernel for kernel, _ in row}) < len(row):
            raise ModelError(f"{name}: cycle {number} has two entries of a kernel; correct the policy")
        if len({index for _, index in row}) > replicas:
            raise ModelError(f"{name}: cycle {number} reads more than {replicas} distinct indices; correct the policy")
    return rows
