"""FlexOption reservations. Source: docs/reference/formulation.md §3.4."""
