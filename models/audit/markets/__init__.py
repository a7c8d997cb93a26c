"""How markets and obligations are checked, one module each."""
