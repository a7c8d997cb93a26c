"""Primal recovery: from weights of columns to programs that everybody can run."""
