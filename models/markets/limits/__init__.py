"""Agreed limits of congestion points. Source: docs/reference/formulation.md §3.3."""
