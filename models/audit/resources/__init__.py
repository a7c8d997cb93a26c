"""How resource classes are checked, one module each."""
