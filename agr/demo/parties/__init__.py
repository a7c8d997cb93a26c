"""Counterparties of the demo and of tests: CRO, DSO, exchange, BRP. Each runs as a script in a process of its own.

They share no code with the daemon, and what is here is never imported by it: a process knows this folder only.
"""
