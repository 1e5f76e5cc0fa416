"""What is written in a ledger is on the line of the tile that began last, not on the one before or after."""

from accelsim.parts.ledger import Ledger


def test_lines_become_tiles():
    ledger = Ledger()
    first = ledger.begin()
    first.held_bits = 16
    ledger.tick()
    ledger.tick()
    second = ledger.begin()
    ledger.tick()
    ledger.now.passed_bits += 32
    first.output_bits = 64  # an output may leave after the next tile has begun
    assert second is ledger.now
    tiles = ledger.tiles(held_are_weights=True).to_lists()
    assert tiles == {"compute_cycles": [2, 1], "weight_bits": [16, 0], "activation_bits": [0, 32],
                     "output_bits": [64, 0], "load_cycles": [0, 0]}
    swapped = ledger.tiles(held_are_weights=False).to_lists()
    assert (swapped["weight_bits"], swapped["activation_bits"]) == ([0, 32], [16, 0])
