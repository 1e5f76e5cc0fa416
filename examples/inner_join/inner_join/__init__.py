"""A machine, a policy and an energy table from outside accelsim; docs/extending.md walks through them."""
