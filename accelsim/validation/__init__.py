"""Published numbers against ours: one file per machine in `claims/`, checked by tests and by `accelsim validate`."""
