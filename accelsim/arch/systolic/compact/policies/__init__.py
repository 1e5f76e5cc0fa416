"""How a stream of activations is cut into runs; one policy a file.

A policy: (values int64 [n], threshold) -> Runs. Every value of a run is read back as the run's first one.
"""

from accelsim.arch.systolic.compact.policies.lossy_rlc import lossy_rlc
from accelsim.arch.systolic.compact.policies.rlc import rlc
from accelsim.arch.systolic.compact.policies.sparse_rlc import sparse_rlc

POLICIES = {
    "sparse_rlc": sparse_rlc,
    "rlc": rlc,
    "lossy_rlc": lossy_rlc,
}
NEED_VALUES = (rlc, lossy_rlc)  # what these do is not told by a pattern of non-zeros
