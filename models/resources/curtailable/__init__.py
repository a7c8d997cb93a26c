"""Curtailable generation: forecast <= p <= 0, at a price per MWh curtailed.

Source: docs/reference/formulation.md §2.2.
"""
