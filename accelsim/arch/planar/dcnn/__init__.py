"""DCNN and DCNN-opt: SCNN's dense baselines; rules in docs/machines/dcnn.md."""
