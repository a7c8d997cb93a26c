"""Column generation in prices: portfolios of any size. Source: docs/optimisation.md §8."""
