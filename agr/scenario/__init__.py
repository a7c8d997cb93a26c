"""The analysts' side: make, load, run, replay and compare scenarios."""
