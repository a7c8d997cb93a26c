"""Measures the optimiser and other engines on the same instances. No product code imports this package."""
