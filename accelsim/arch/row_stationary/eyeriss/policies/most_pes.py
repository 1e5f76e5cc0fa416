"""The mapping that gives the most PEs work, whatever the networks say; among equals the fewest estimated cycles."""

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast.shortlist import best_mapping
from accelsim.arch.row_stationary.eyeriss.mapping import Mapping
from accelsim.workload.layer import Layer


def most_pes(layer: Layer, config: EyerissConfig) -> Mapping:
    """Exhaustive over the search space. Raises CapacityError when nothing fits."""
    return best_mapping(layer, config, most_pes=True)
