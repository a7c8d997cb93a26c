"""What couples units, one module per market or obligation. Source: docs/reference/formulation.md §3."""
