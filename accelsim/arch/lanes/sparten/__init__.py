"""SparTen: inner joins of bit masks, filters paired by density (Gondimalla et al., MICRO 2019)."""
