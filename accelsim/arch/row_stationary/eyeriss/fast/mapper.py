"""The mapping of a layer: the config's own, checked, or the policy's."""

from collections.abc import Callable

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.fast.legality import check
from accelsim.arch.row_stationary.eyeriss.mapping import Mapping
from accelsim.workload.layer import Layer


def mapping_for(layer: Layer, config: EyerissConfig, policy: Callable[[Layer, EyerissConfig], Mapping]) -> Mapping:
    """Raises ConfigError when a mapping is not legal, CapacityError when the policy finds none."""
    mapping = config.mappings.get(layer.name) or policy(layer, config)
    check(layer, mapping, config)
    return mapping
