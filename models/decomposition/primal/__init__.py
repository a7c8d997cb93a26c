"""Primal recovery: from weights of columns to a program that every unit can run."""
