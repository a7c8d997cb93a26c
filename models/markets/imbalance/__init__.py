"""Imbalance settlement. Source: docs/reference/formulation.md §3.2."""
