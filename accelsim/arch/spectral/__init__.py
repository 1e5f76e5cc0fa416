"""Machines that multiply spectra of tiles by pruned spectra of kernels."""
