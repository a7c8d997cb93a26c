"""The share of its energy that a store keeps."""


def retention(loss_per_day: float, hours: float) -> float:
    """Return the share of its energy that a store keeps over `hours`, given the share it loses in 24 hours."""
    return float((1.0 - loss_per_day) ** (hours / 24.0))
