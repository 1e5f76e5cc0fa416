"""The mapping that gives the most PEs work, whatever the networks say; among equals the fewest estimated cycles."""

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.mapping import RowStationaryMapping
from accelsim.workload.layer import Layer


def most_pes(layer: Layer, config: EyerissConfig) -> RowStationaryMapping:
    """Exhaustive over the search space. Raises CapacityError when nothing fits."""
    from accelsim.arch.row_stationary.eyeriss.fast.shortlist import best_mapping  # loads numba, not for a listing

    return best_mapping(layer, config, most_pes=True)
