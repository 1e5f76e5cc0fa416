"""SqueezeFlow: one non-zero weight is broadcast per cycle to a plane of output-stationary PEs."""
