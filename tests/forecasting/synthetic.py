"""Series with a known shape: a daily wave, a weekend dip, and noise from a fixed seed."""

from datetime import date

import numpy as np

from agr.forecasting import Days


def wave(
    days: int,
    *,
    drift: float = 10.0,
    slots: int = 24,
    noise: float = 5.0,
    seed: int = 1,
    first: date = date(2024, 1, 1),
) -> Days:
    """Return days whose level wanders, with two peaks and cheap weekends."""
    random = np.random.default_rng(seed)
    hour = np.arange(slots) * (24 / slots)
    shape = 30 * np.sin((hour - 6) / 24 * 4 * np.pi) + 60
    level = drift * np.sin(np.arange(days) / 9)[:, None]
    weekday = (first.weekday() + np.arange(days)) % 7
    values = shape + level - 15 * (weekday >= 5)[:, None] + random.normal(0, noise, (days, slots))
    return Days(first=first, values=values, minutes=1440 // slots, zone_name="Europe/Amsterdam")
