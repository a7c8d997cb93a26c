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


def windy(days: int, *, slots: int = 24, seed: int = 3, first: date = date(2025, 1, 1)) -> Days:
    """Return days whose price falls with a wind that only its forecast tells of; the noise is small beside it."""
    random = np.random.default_rng(seed)
    calm = wave(days, drift=0.0, slots=slots, noise=1.0, first=first)
    wind = 8 + 6 * np.sin(random.uniform(0, 6.28, (days, 1)) + np.arange(slots) / slots * 6.28)
    wind = wind + random.normal(0, 3, (days, 1))
    return Days(
        first=first, values=calm.values - 4 * wind, minutes=1440 // slots, zone_name="Europe/Amsterdam",
        inputs=wind[None], input_names=("weather wind_m_s sea",),
    )  # fmt: skip
