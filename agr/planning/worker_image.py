"""Loads the machine code kept of the models' compiled functions, for the server that workers are forked from.

Importing this loads it. Nothing may be run here: solvers begin threads, which no fork survives. What is loaded by then
stays: workers do not search it for garbage, which would also copy it into the memory of each.
"""

import gc

from models.method import load_kept

load_kept()
gc.collect()
gc.freeze()
