"""Pieces of kernels that machines of one family share: compiled recurrences over numpy arrays, without a rule of a paper.

Each has an obvious tick-by-tick twin made of `accelsim.parts`; tests/recurrences holds the two together.
"""
