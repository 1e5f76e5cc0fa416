"""What one pass moves between DRAM and chip, tile by tile."""

from accelsim.arch.training.eager_pruning.config import EagerPruningConfig
from accelsim.arch.training.eager_pruning.reference.operands import Operands
from accelsim.arch.training.eager_pruning.reference.packing import Slot, WeightList
from accelsim.hw.memory.tiles import Tiles


class PassMemory:
    """The buffer's view of a pass: which channels have come, how much of the mask, which owners are done."""

    def __init__(self, operands: Operands, weights: WeightList, config: EagerPruningConfig) -> None:
        self.operands, self.list, self.config = operands, weights, config
        streamed = operands.streamed.size + (operands.dy.size if operands.updates else 0)
        self.keeps = streamed <= config.glb_words
        self._come: set[tuple[str, int]] = set()
        self._mask_read = 0
        self._last_slot = {slot.owner: slot for tile in weights.tiles for slot in tile if slot.weight is not None}

    def tiles(self, stream_ends: list[int], cycles: int) -> Tiles:
        """stream_ends: of each tile; cycles: of the pass."""
        contents = self.list.tiles or [[]]
        ends = [*stream_ends[:-1], cycles]
        rows = []
        for i, tile in enumerate(contents):
            last = i == len(contents) - 1
            slots = [slot for slot in tile if slot.weight is not None]
            mask = self._mask(self.list.mask_bits if last else slots[-1].behind)
            words = len(slots) * self.config.word_bits
            fetched = self._fetched(slots) * self.config.word_bits
            written = self._written(slots, last) * self.config.word_bits
            compute = ends[i] - (ends[i - 1] if i else 0)
            rows.append((compute, mask, fetched, words + mask) if self.operands.updates else
                        (compute, words + mask, fetched, written))
        return Tiles.of(*zip(*rows, strict=True))

    def _mask(self, behind: int) -> int:
        read, self._mask_read = behind - self._mask_read, behind
        return read if self.config.sparse else 0

    def _fetched(self, slots: list[Slot]) -> int:
        """Words of the planes that the tile brings."""
        wanted = {("streamed", self.operands.channel(slot.weight)) for slot in slots if slot.weight is not None}
        if self.operands.updates:
            wanted |= {("dy", slot.owner) for slot in slots}
        coming = wanted - self._come if self.keeps else wanted
        self._come |= wanted
        return sum(self.operands.channel_words if kind == "streamed" else self.operands.dy[:, 0].size
                   for kind, _ in coming)

    def _written(self, slots: list[Slot], last: bool) -> int:
        """Words of the owners whose sums are complete."""
        done = sum(self._last_slot[slot.owner] is slot for slot in slots) + (len(self.list.empty_owners) if last else 0)
        return done * len(self.operands.positions)
