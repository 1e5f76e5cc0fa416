"""EIE: broadcast activations, queues per PE, row-interleaved sparse matrix (Han et al., ISCA 2016)."""
