"""What a reference fetches from DRAM and writes back, tile by tile: a page with a line for each tile that has begun."""

from dataclasses import dataclass

from accelsim.hw.memory.tiles import Tiles


@dataclass
class Line:
    """One tile's time and traffic. held: of the operand that stays in the machine, passed: of the one that passes."""

    cycles: int = 0
    held_bits: int = 0
    passed_bits: int = 0
    output_bits: int = 0


class Ledger:
    """`begin` a tile, write on its line (`now`), `tick` every cycle; what is written belongs to the tile begun last."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def begin(self) -> Line:
        """The line of a tile that begins now."""
        self.lines.append(Line())
        return self.lines[-1]

    @property
    def now(self) -> Line:
        """The line of the tile begun last."""
        return self.lines[-1]

    def tick(self) -> None:
        """A cycle passes."""
        self.now.cycles += 1

    def tiles(self, held_are_weights: bool) -> Tiles:
        """All lines; held_are_weights: the operand that stays is the weights, else the activations."""
        held, passed = [line.held_bits for line in self.lines], [line.passed_bits for line in self.lines]
        weights, activations = (held, passed) if held_are_weights else (passed, held)
        return Tiles.of([line.cycles for line in self.lines], weights, activations,
                        [line.output_bits for line in self.lines])
