"""The demonstration: a story of synthetic reports told on the real stack."""
