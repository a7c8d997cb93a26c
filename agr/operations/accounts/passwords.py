"""Which passwords are accepted. Pure."""

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 512


def password_fault(password: str) -> str | None:
    """Say what is wrong with a new password; length is what counts (NIST SP 800-63B)."""
    if len(password) < SHORTEST_PASSWORD:
        return f"the password is too short: use at least {SHORTEST_PASSWORD} characters, e.g. four random words"
    if len(password) > LONGEST_PASSWORD:
        return f"the password is too long: use at most {LONGEST_PASSWORD} characters"
    if len(set(password)) < 5:
        return "the password repeats too few characters; use e.g. four random words"
    return None
