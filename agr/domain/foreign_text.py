"""Text that others wrote: what may be kept of it. Pure."""


def one_line(text: str) -> str:
    """Return a text in one line without what cannot be printed, which a store may refuse and a page may hide."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def not_a_formula(text: str) -> str:
    """Return a cell's text so that spreadsheets show it instead of calculating it. Source: OWASP, CSV injection."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
