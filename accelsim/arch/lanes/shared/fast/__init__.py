"""The fast engine that all machines of lanes share."""
