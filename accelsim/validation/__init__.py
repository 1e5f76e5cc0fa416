"""Published numbers beside simulated ones: `claims.py` of each machine, checked by tests and `accelsim validate`."""
