"""Makes products of balancing capacity with prices, for random scenarios."""

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tests.scenario.monolith.generator import Draw, World

ZONE = ZoneInfo("Europe/Amsterdam")


def text(instant: datetime) -> str:
    """Return an instant as it stands in tables."""
    return instant.astimezone(ZONE).isoformat(timespec="minutes")


def add_price(world: "World", series: str, start: datetime, minutes: int, value: float) -> None:
    """Add a price to the table."""
    world.add("prices", series=series, start=text(start), minutes=minutes, value=value)


def product(world: "World", draw: "Draw", number: int) -> dict[str, Any]:
    """Return a product of balancing capacity, and add its prices."""
    step = draw.of(0.001, 0.002, 0.005)
    name = f"product{number}"
    hours = draw.of(4, 8, 24)
    for at in range(0, 24 * world.days, hours):
        ends = [datetime.combine(world.day, time(), ZONE) + timedelta(hours=h) for h in (at, at + hours)]  # wall clock
        start, end = (moment.astimezone(UTC) for moment in ends)
        add_price(world, name, start, int((end - start) / timedelta(minutes=1)), draw.within(0, 40, 0))
    return {
        "name": name, "direction": draw.of("up", "down", "symmetric"), "series": name,
        "price_unit": draw.of("EUR/MW/h", "EUR/MW/block"), "block_hours": hours, "minimum_mw": step * draw.of(1, 2, 3),
        "step_mw": step, "max_mw": 0.02, "sustain_minutes": draw.of(15, 60),
        "shortfall_eur_per_mwh": draw.of(100, 1000), "gate": {"at": draw.of("08:00", "09:00"), "days_before": 1},
    }  # fmt: skip
