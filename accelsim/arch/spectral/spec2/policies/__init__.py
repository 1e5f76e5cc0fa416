"""Schedules. Contract: `accelsim.arch.spectral.shared.policies`."""

from accelsim.arch.spectral.shared.policies import lowest_index, max_cover, rare_last

POLICIES = {"max_cover": max_cover, "lowest_index": lowest_index, "rare_last": rare_last}
