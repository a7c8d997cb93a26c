"""The whole problem as one model, how it is solved, and how the solution is read."""
