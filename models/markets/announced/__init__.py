"""Distance from what was announced. Source: docs/reference/formulation.md §3.6."""
