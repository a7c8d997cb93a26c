"""What stores keep."""


def retention(loss_per_day: float, hours: float) -> float:
    """Return the share of its content that a store keeps for some hours, from the share it loses in 24."""
    return float((1.0 - loss_per_day) ** (hours / 24.0))
