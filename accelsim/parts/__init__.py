"""Pieces that references are made of: clocks, queues, ports. No rule of a paper is in them; each is tested alone."""
