"""The whole program of a portfolio behind connections as one linear program, solved by an interior-point method."""
