"""Pieces of references that machines share: clocks, registers, queues. None of them knows a rule of a paper."""
