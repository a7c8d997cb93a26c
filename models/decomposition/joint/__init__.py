"""Connections that answer prices as a whole: what their devices share stays between them."""
