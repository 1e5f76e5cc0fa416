"""The mapping of a layer: the config's own, checked, or the policy's."""

from collections.abc import Callable

from accelsim.arch.eyeriss.config import EyerissConfig
from accelsim.arch.eyeriss.legality import check
from accelsim.arch.eyeriss.mapping import Mapping
from accelsim.workload.layer import Layer


def mapping_for(layer: Layer, config: EyerissConfig, policy: Callable[[Layer, EyerissConfig], Mapping]) -> Mapping:
    """Raises ConfigError when a mapping is not legal, CapacityError when the policy finds none."""
    mapping = config.mappings.get(layer.name) or policy(layer, config)
    check(layer, mapping, config)
    return mapping
