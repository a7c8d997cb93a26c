"""The restricted master: columns, its proximal problem, and its linear program."""
