"""Re-optimising some congestion points, with a bound for the whole portfolio."""
