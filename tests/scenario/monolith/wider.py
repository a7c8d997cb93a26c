"""What a small random scenario may have beside its devices: each kind of it is drawn from a stream of its own.

So a seed's devices are the same with and without it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.scenario.monolith.generator import Draw, World

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


KINDS: dict[str, Callable[["World", "Draw"], Any]] = {
    "limits": _limits, "tariffs": _tariffs, "switched": _switched, "decomposed": _decomposed,
}  # fmt: skip
