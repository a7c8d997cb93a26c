"""A whole portfolio behind connections as one linear program (the whole LP), solved by an interior-point method."""
