"""Shiftable runs: a fixed profile with one free start. Source: docs/reference/formulation.md §2.4."""
