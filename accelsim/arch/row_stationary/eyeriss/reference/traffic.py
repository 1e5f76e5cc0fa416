"""What crosses ports and links in a pass, and who received what."""

from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field

from accelsim.arch.row_stationary.eyeriss.config import EyerissConfig
from accelsim.arch.row_stationary.eyeriss.reference.compressed import Stream, WeightTile
from accelsim.arch.row_stationary.eyeriss.reference.schedule import StreamKey, TileKey

Cluster = tuple[int, int]  # row, column


@dataclass
class Links:
    """Ports and directed links of one width. bits: by link; hops: what counts as a hop, in bits."""

    width_bits: int
    bits: Counter[Hashable] = field(default_factory=Counter)
    hop_bits: int = 0

    def carry(self, link: Hashable, bits: int, hop: bool) -> None:
        """`bits` cross `link`."""
        self.bits[link] += bits
        self.hop_bits += bits * hop

    @property
    def cycles(self) -> int:
        """Until the fullest link has carried all."""
        return -(-max(self.bits.values(), default=0) // self.width_bits)


@dataclass
class Inbox:
    """What reached a cluster in a pass: inputs for all its PEs, weights by row of the array."""

    streams: dict[StreamKey, Stream] = field(default_factory=dict)
    tiles: dict[tuple[int, TileKey], WeightTile] = field(default_factory=dict)


class Networks:
    """What the three networks of one pass carried, and what they brought to each cluster."""

    def __init__(self, config: EyerissConfig) -> None:
        self.config = config
        self.iacts = Links(config.iact_port_bits)
        self.weights = Links(config.weight_port_bits)
        self.psums = Links(config.psum_port_bits)
        self.inboxes: defaultdict[Cluster, Inbox] = defaultdict(Inbox)
