"""One product of a group of voices, tick by tick: all channels do the same, each on its own voice's values."""

from collections import Counter
from typing import Any, ClassVar

import numpy as np

from accelsim.arch.broadcast.shared.reference.blocks import Addition, Pipeline
from accelsim.arch.broadcast.shared.reference.encode import EncodedMatrix
from accelsim.arch.broadcast.shared.reference.vector_run import VectorRun


class Voices:
    """A number of each voice. Equal to itself alone, as registers compare what they hold."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __rmul__(self, weight: int) -> "Voices":
        return Voices(weight * self.values)

    def __add__(self, other: "Voices") -> "Voices":
        return Voices(self.values + other.values)

    def __radd__(self, empty: int) -> "Voices":
        """The first sum of an accumulator, which holds 0."""
        return Voices(empty + self.values)


class VoicePipeline(Pipeline):
    """A PE of every channel: one entry, multiplied by each voice's value."""

    useful = 0  # multiplications of two non-zeros

    def _multiply(self) -> Addition | None:
        addition = super()._multiply()
        if addition is not None:
            self.useful += int(np.count_nonzero(addition.product.values))
        return addition


class VoicesRun(VectorRun):
    """One product: vectors [voice, in]."""

    arithmetic: ClassVar[type[Pipeline]] = VoicePipeline

    def __init__(self, encoded: EncodedMatrix, vectors: np.ndarray, config: Any) -> None:
        self.voices = len(vectors)
        columns = list(vectors.T.astype(np.int64))
        sent = [Voices(column) if column.any() or not config.input_skip else None for column in columns]
        super().__init__(encoded, sent, False, config)

    def sums(self) -> np.ndarray:
        """The product's sums [voice, row], int64."""
        sums = np.zeros((self.voices, sum(len(memory.global_rows) for memory in self.memories)), np.int64)
        for memory, pipeline in zip(self.memories, self.pipelines, strict=True):
            for row, total in zip(memory.global_rows, pipeline.accumulators.sums, strict=True):
                sums[:, row] = total.values if isinstance(total, Voices) else total
        return sums

    def work(self) -> list[int]:
        """Multiplications of two non-zeros of each PE, of all channels."""
        return [pipeline.useful for pipeline in self.pipelines if isinstance(pipeline, VoicePipeline)]

    def stalls(self) -> Counter[str]:
        """PE-cycles of the channels that have a voice."""
        of_one = super().stalls()
        all_stalls = Counter({name: self.voices * cycles for name, cycles in of_one.items()})
        useful = sum(self.work())
        all_stalls["zero_input"] = all_stalls["busy"] - useful
        all_stalls["busy"] = useful
        return all_stalls

    def counts(self) -> Counter[str]:
        """What the product counts; reads serve all channels at once."""
        of_one, stalls = super().counts(), self.stalls()
        return Counter(macs=stalls["busy"], zero_multiplies=stalls["zero_input"], padding_entries=stalls["padding"],
                       broadcasts=self.voices * of_one["broadcasts"], queue_writes=self.voices * of_one["queue_writes"],
                       pointer_reads=of_one["pointer_reads"], spmat_row_reads=of_one["spmat_row_reads"])
