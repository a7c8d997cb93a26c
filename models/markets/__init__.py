"""The markets and obligations that couple units, one package each. Source: docs/reference/formulation.md §3."""
