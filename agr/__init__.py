"""The AGR portfolio optimizer daemon."""
