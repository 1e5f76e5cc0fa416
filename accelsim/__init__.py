"""accelsim: cycle-level simulation of sparse-DNN accelerators on real pruned models."""
