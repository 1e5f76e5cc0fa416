"""Who maps a layer. A policy: (layer, config) -> mapping, legal, the same for the same non-zeros.

A config's `mappings` go before any policy. One function a file; one line here registers it.
"""

from accelsim.arch.row_stationary.eyeriss.policies.estimated import estimated
from accelsim.arch.row_stationary.eyeriss.policies.most_pes import most_pes

POLICIES = {
    "estimated": estimated,
    "most_pes": most_pes,
}
