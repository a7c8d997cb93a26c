"""Balancing capacity. Source: docs/reference/formulation.md §3.5."""
