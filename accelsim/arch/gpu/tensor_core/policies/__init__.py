"""What becomes of an operand A that may break N:M. A policy: (lines[line, channel], keep, group) -> order or None.

lines: the weights of one product, a line per row and filter tap. order int64: the channels in the order in which groups
of `group` are cut, every channel once and -1 for the places left, ceil(channels / group) x group in all; the engine
checks the result. None: the layer runs dense. One function a file; one line here registers it.
"""

from accelsim.arch.gpu.tensor_core.policies.dense_fallback import dense_fallback
from accelsim.arch.gpu.tensor_core.policies.permute_channels import permute_channels
from accelsim.arch.gpu.tensor_core.policies.strict import strict

POLICIES = {
    "strict": strict,
    "dense_fallback": dense_fallback,
    "permute_channels": permute_channels,
}
