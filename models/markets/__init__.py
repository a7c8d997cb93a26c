"""What couples units, one module per market or obligation. Source: docs/optimisation.md §3."""
