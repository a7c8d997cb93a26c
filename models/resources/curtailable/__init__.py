"""Curtailable generation: forecast <= p <= 0, what is curtailed has a price.

Source: docs/reference/formulation.md §2.2.
"""
