"""The layouts that are known, one file each."""
