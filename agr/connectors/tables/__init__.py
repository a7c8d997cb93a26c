"""Reads and writes a register as a folder of tables."""
