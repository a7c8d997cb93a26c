"""Loads the machine code kept of the models' compiled functions, for the server that workers are forked from.

Importing this loads it. Nothing may be run here: solvers begin threads, which no fork survives.
"""

from models.method import load_kept

load_kept()
