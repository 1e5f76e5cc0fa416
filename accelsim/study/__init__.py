"""Studies: many runs, chosen from a design space and kept in a store, and comparisons of policies.

`sweep.py` is the way of one study; read it first.
"""
