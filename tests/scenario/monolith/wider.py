"""What a small random scenario may have beside its devices: each kind of it is drawn from a stream of its own.

So a seed's devices are the same with and without it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.scenario.monolith.products import product

if TYPE_CHECKING:
    from tests.scenario.monolith.generator import Draw, World

CLOCK = "clock"
"""The day has 92 or 100 ISPs of a quarter of an hour: it is chosen before anything is drawn."""
SEVERAL = "days"
"""There are two days, or three."""
HOUR = timedelta(hours=1)
USUAL = {"first_day": "2026-01-01", "last_day": ""}


def _limits(world: "World", draw: "Draw") -> None:
    """Fuses, a site around some connections, and a transformer around the site, all with windows now and then."""
    inner = [address for address in world.connections if draw.chance(0.6)]
    if inner and draw.chance(0.6):
        world.limit_group = dict.fromkeys(inner, "site")
        world.add("limit_groups", group="site", parent="transformer" if draw.chance(0.4) else "")
        if world.tables["limit_groups"][0]["parent"]:
            world.add("limit_groups", group="transformer", parent="")
            world.limit_group |= {a: "transformer" for a in world.connections if a not in inner and draw.chance(0.5)}
    places = [*world.connections, *(row["group"] for row in world.tables.get("limit_groups", []))]
    for at in places:
        for _ in range(draw.of(0, 1, 1, 2)):
            world.add(
                "connection_limits", at=at, **USUAL, **_window(draw), import_kw=draw.of(1, 4, 9),
                export_kw=draw.of("", 0, 3), penalty_eur_per_mwh=draw.of(40, 500, 2000),
            )  # fmt: skip


def _tariffs(world: "World", draw: "Draw") -> None:
    """Energy taxes, feed-in pay and peak charges; export never earns more than import costs."""
    for connection in world.connections:
        if draw.chance(0.2):
            continue
        tax = draw.of(0, 50, 110)
        world.add(
            "connection_tariffs", connection=connection, **USUAL, window_start="00:00", window_end="24:00",
            import_eur_per_mwh=tax, export_eur_per_mwh=draw.of(tax, tax, 0, tax / 2, -20),
            peak_eur_per_kw=draw.of(0, 0, 0.05, 0.4), peak_reached_kw=draw.of(0, 0, 2),
        )  # fmt: skip
        if draw.chance(0.5):
            world.add(
                "connection_tariffs", connection=connection, **USUAL, **_window(draw),
                import_eur_per_mwh=draw.of(0, 25), export_eur_per_mwh=0, peak_eur_per_kw=draw.of(0, 0.1, 1),
                peak_reached_kw=draw.of(0, 3),
            )  # fmt: skip


def _switched(world: "World", draw: "Draw") -> None:
    """Boilers with needs in one or two windows, least times, and a state in which they begin."""
    step = world.minutes
    for i in range(draw.of(1, 1, 2)):
        begin = draw.of(0, 5, 9)
        middle = begin + draw.of(2, 4)
        needs = [(begin, middle)] + [(middle + draw.of(0, 2), 21)] * draw.chance(0.5)
        world.add(
            "switched_loads", resource=f"switched-{i}", connection=draw.of(*world.connections),
            power_kw=draw.of(1.5, 3, 6), needs="; ".join(_need(draw, *need) for need in needs),
            min_run_minutes=step * draw.of(0, 1, 2), min_rest_minutes=step * draw.of(0, 1, 2),
            start_eur=draw.of(0, 0, 0.02, 0.2), initial_minutes=draw.of(-1440, -1440, -step),
        )  # fmt: skip


def _need(draw: "Draw", begin: int, end: int) -> str:
    least = draw.of(0, 1, 1, 2, 1.75)
    most = draw.of("", "", f"-{least + 1:g}")
    return f"{begin:02}:00-{end:02}:00 {least:g}{most}"


def _window(draw: "Draw") -> dict[str, str]:
    if draw.chance(0.4):
        return {"window_start": "00:00", "window_end": "24:00"}
    begin = draw.of(6, 12, 17, 22)
    return {"window_start": f"{begin:02}:00", "window_end": f"{(begin + draw.of(2, 5)) % 24:02}:00"}


def _decomposed(world: "World", draw: "Draw") -> None:
    """The same, planned by the decomposition alone."""
    world.planning |= {"method": "decomposition", "decomposed_gap": draw.of(1e-3, 1e-4)}


def _parties(world: "World", draw: "Draw") -> None:
    """Up to three BRPs, of which some are balanced by themselves; what they share of the markets never binds."""
    world.brps = [{"name": f"brp-{i}", "balance": draw.of("itself", "together")} for i in range(draw.of(2, 3))]
    world.brp = {address: draw.of("", *(one["name"] for one in world.brps)) for address in world.connections}
    world.markets["day_ahead"] |= {"max_buy_kw": 100000, "max_sell_kw": 100000}
    if world.markets["intraday"]["depth_kw"]:
        world.markets["intraday"]["depth_kw"] = 10000


def _awards(world: "World", _draw: "Draw") -> None:
    """Capacity is paid as bid: awards have a probability."""
    for one in world.capacity:
        one |= {"paid": "as bid", "award": [[0.7, 0.95], [0.85, 0.8], [1.0, 0.55]]}


def _rolling(world: "World", draw: "Draw") -> None:
    """Plans while the day runs, in which intraday prices turn out otherwise for what is not closed by then.

    Nothing is promised: what closed ISPs do to reservations and reserve is not modelled.
    """
    world.capacity.clear()
    world.events, world.stay_eur_per_mwh = [], 0.0
    world.tables.pop("contracts", None)
    world.planning["rolling"] = {"every_minutes": draw.of(240, 360)}
    at = draw.of(3, 9, 15)
    for row in [row for row in world.tables["prices"] if row["series"] == "day_ahead"]:
        known = datetime.fromisoformat(row["start"]) < world.start + (at + 2) * HOUR
        for side, sign in (("buy", 1), ("sell", -1)):
            usual, other = draw.of(0, 5, 30), draw.of(0, 0, 15)
            for series, away in ((side, usual), (f"{side}_later", usual if known else other)):
                world.add("prices", **{**row, "series": series, "value": row["value"] + sign * away})
    world.markets["intraday"] |= {"buy_series": "buy", "sell_series": "sell", "depth_kw": draw.of(2, 10000)}
    when = (world.start + at * HOUR).isoformat()
    world.revelations = [{"at": when, "series": side, "becomes": f"{side}_later"} for side in ("buy", "sell")]


def _ahead(world: "World", draw: "Draw") -> None:
    """What batteries and buffers hold at midnight is worth what they can make of it on a day or two."""
    world.planning["look_ahead_days"] = draw.of(1, 2)


def _orders(world: "World", draw: "Draw") -> None:
    """DSOs request flexibility, once before and once after a release, and order what is offered or a part of it."""
    for i in range(draw.of(1, 2, 2) if world.points else 0):
        begin, eve = draw.of(7, 12, 17, 20), world.midnight(0) - draw.of(600, 630) * timedelta(minutes=1)
        world.events.append({
            "kind": "flex_request", "at": (eve + i * HOUR).isoformat(), "congestion_point": draw.of(*world.points),
            "period": world.day, "window_start": f"{begin:02}:00", "window_end": f"{begin + draw.of(1, 3):02}:00",
            "power_mw": draw.of(-0.001, -0.003, 0.002, 0.006), "rebound_mw": draw.of(1, 1, 0),
            "order_share": draw.of(1, 1, 0.5),
        })  # fmt: skip
    world.trading = {"least_kw": 0.05, "sell_share": draw.of(1, 0.9), "margin_eur": draw.of(0, 0.05)}


def _fleet(world: "World", draw: "Draw") -> None:
    """Batteries that hold reserve together, in whole bids of several of them."""
    for i in range(draw.of(5, 8, 12)):
        power, capacity = draw.of(2, 5), draw.of(4, 10)
        world.add(
            "batteries", resource=f"fleet-{i}", connection=draw.of(*world.connections), charge_kw=power,
            discharge_kw=power, capacity_kwh=capacity, initial_kwh=capacity / 2, end_kwh=draw.of(0, capacity / 4),
            minimum_kwh=0, charge_efficiency=draw.of(1, 0.95), discharge_efficiency=0.95, loss_per_day=0,
            wear_eur_per_mwh=draw.of(5, 20), reserve_kw=power, end_worth_eur_per_mwh=40,
        )  # fmt: skip
    if not world.capacity:
        world.capacity.append(product(world, draw, 0))
    for one in world.capacity:
        step = draw.of(0.004, 0.006)
        one |= {"step_mw": step, "minimum_mw": step * draw.of(1, 2), "max_mw": 5 * step, "sustain_minutes": 15}


def _contradicting(world: "World", draw: "Draw") -> None:
    """Contracts of both signs whose windows overlap at one congestion point."""
    for i, sign in enumerate(draw.of((-1, 1), (1, -1, -1)) if world.points else ()):
        begin = draw.of(8, 16) + draw.of(0, 1)
        world.add(
            "contracts", contract=f"contradicting-{i}", dso="dso.example", congestion_point=world.points[0],
            first_day="2026-01-01", last_day="2026-12-31", window_start=f"{begin:02}:00",
            window_end=f"{begin + draw.of(2, 3):02}:00", power_w=sign * draw.of(500, 2000),
            availability_eur_per_mw_h=draw.of(0, 10), penalty_eur_per_mwh=draw.of(100, 1000),
        )  # fmt: skip


def _nothing(_world: "World", _draw: "Draw") -> None:
    """Nothing beside the days themselves."""


KINDS: dict[str, Callable[["World", "Draw"], Any]] = {
    "limits": _limits, "tariffs": _tariffs, "switched": _switched, "decomposed": _decomposed,
    "parties": _parties, "awards": _awards, CLOCK: _nothing, "rolling": _rolling,
    SEVERAL: _nothing, "ahead": _ahead, "orders": _orders,
    "fleet": _fleet, "contradicting": _contradicting,
}  # fmt: skip
