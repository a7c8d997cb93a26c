"""Dual prices: coupling costs, grouping, pricing, and where a search begins."""
