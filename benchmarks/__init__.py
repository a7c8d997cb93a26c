"""Measures the optimiser against its peers on the same instances; no product code imports it."""
