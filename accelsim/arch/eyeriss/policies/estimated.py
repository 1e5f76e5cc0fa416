"""The mapping with the fewest estimated cycles: the paper's mapper, whose cost model is not printed."""

from accelsim.arch.eyeriss.config import EyerissConfig
from accelsim.arch.eyeriss.mapping import Mapping
from accelsim.arch.eyeriss.shortlist import best_mapping
from accelsim.workload.layer import Layer


def estimated(layer: Layer, config: EyerissConfig) -> Mapping:
    """Exhaustive over the search space. Raises CapacityError when nothing fits."""
    return best_mapping(layer, config, most_pes=False)
