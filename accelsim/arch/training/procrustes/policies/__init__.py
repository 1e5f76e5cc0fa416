"""Who multiplies what in a set. A policy: (work[set, pe, lane]) -> Balance(load[set, pe], displaced[set], swaps[set]).

work: mask bits (int64) of each lane of each PE's own tile; lanes that a PE lacks are 0. load: bits each PE multiplies;
every bit goes to exactly one PE of its set. displaced: lanes with a bit that some other PE than their owner works on.
swaps: what sorting cost. One function a file; one line here registers it.
"""

from accelsim.arch.training.procrustes.policies.half_tile import half_tile
from accelsim.arch.training.procrustes.policies.ideal import ideal
from accelsim.arch.training.procrustes.policies.none import none
from accelsim.arch.training.procrustes.policies.work_stealing import work_stealing

POLICIES = {
    "half_tile": half_tile,
    "none": none,
    "ideal": ideal,
    "work_stealing": work_stealing,
}
