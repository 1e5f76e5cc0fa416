"""Which PE gets a pair of PE tiles: the number of a rule of docs/machines/extensor.md, since it is asked inside the
kernel. A policy is called as policy(config) and gives "by_inner_tile" or "least_loaded"."""

from accelsim.arch.streams.extensor.config import ExTensorConfig


def by_inner_tile(config: ExTensorConfig) -> str:
    """To the PE of its inner tile."""
    return "by_inner_tile"


def least_loaded(config: ExTensorConfig) -> str:
    """To the PE with the fewest steps given so far."""
    return "least_loaded"


POLICIES = {"by_inner_tile": by_inner_tile, "least_loaded": least_loaded}
