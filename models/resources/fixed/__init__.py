"""Fixed units: one possible program, so only their sum per congestion point enters the problem."""
