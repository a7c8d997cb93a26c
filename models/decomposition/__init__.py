"""Column generation in prices: portfolios of any size. Source: docs/explanation/optimisation.md §3."""
