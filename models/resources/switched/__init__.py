"""Switched units: off, or on at a given power, with least times of both. Source: docs/reference/formulation.md §2.5."""
