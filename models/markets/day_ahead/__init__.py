"""Day-ahead market. Source: docs/reference/formulation.md §3.2."""
