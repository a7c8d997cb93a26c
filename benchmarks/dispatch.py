"""Dispatch on one machine: python -m benchmarks.dispatch [points sessions …] [--scale 1.0].

points      500 charge points get a fallback, a plan of 96 ISPs that differ, and their stations' maximum (limit 5 min),
            then a plan that changes all of them. A stand-in of CitrineOS answers over HTTP, stations answer at once
sessions    20 cars that nobody planned come to real OCPP stations (2.0.1) and say what they need: seconds until the
            station holds a profile for them (limit 5 s). Behind the demo's CSMS, with callbacks and pushes over HTTP

Prints a table; exits 1 when a limit is broken at full scale.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from agr.demo.environment import counterparty_python
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Connection, Register
from agr.operations import log
from agr.store import dispatches, register
from tests.builders.citrine import Station
from tests.builders.csms_site import NOW, CsmsSite, car, told
from tests.builders.depots import Depot, depots, point
from tests.builders.plans import planned
from tests.demo.test_dispatch_to_stations import Plant

PROJECT = Path(__file__).parents[1]
DAY = Period(date(2026, 3, 30))  # 96 ISPs
LIMIT_S, PROFILE_S = 300.0, 5.0
PAUSE_S = 0.2
"""Between two looks of the daemon's loop."""
Figures = dict[str, float]


def know(depot: Depot, count: int) -> None:
    """Store charge points with a session each that lasts the whole day."""
    points = tuple(point(f"p{n}", f"CP{n}", max_periods=96) for n in range(count))
    sessions = tuple(
        EvSession(
            resource=f"{one.charge_point}/1", connection="ean.1", charge_point=one.charge_point, arrival=DAY.start,
            departure=DAY.end, energy_kwh=100, charge_kw=11,
        )
        for one in points
    )  # fmt: skip
    known = Register(
        connections=(Connection(address="ean.1", first_day=date(2026, 1, 1)),), resources=sessions, charge_points=points
    )
    with depot.store.transaction() as tx:
        register.replace(tx, known)


def adopt(depot: Depot, count: int, least_kw: float) -> None:
    """Adopt a plan in which no two ISPs that follow each other have the same power."""
    made = planned(depot.world, (0.0,) * DAY.isp_count, DAY)
    kw = [least_kw + isp % 5 for isp in range(DAY.isp_count)]
    depot.programs.kw[made.id] = {f"p{n}/1": kw for n in range(count)}
    depot.clock.jump_to(depot.clock.now() + timedelta(seconds=1))


def settle(depot: Depot, done: Callable[[], bool]) -> Figures:
    """Look and deliver until all is done; return seconds of the clock and of our processor."""
    began, worked = time.monotonic(), time.process_time()
    while not done():
        depot.roads.look("citrine")
        depot.deliver()
        assert time.monotonic() - began < 2 * LIMIT_S, depot.alarms()
    return {"seconds": time.monotonic() - began, "processor": time.process_time() - worked}


def points(count: int) -> dict[str, Figures]:
    """Return figures of a first plan and of a changed one."""
    stations: dict[str, Any] = {f"CP{n}": Station(periods=200) for n in range(count)}
    with tempfile.TemporaryDirectory() as folder, depots(Path(folder), **stations) as depot:
        depot.clock.jump_to(DAY.start + timedelta(seconds=1))
        depot.programs.period = DAY
        know(depot, count)
        adopt(depot, count, 5.0)

        def held(purposes: int, least_w: int) -> bool:
            whole = [one for one in stations.values() if len(one.profiles) == purposes]
            return len(whole) == count and all(_first_w(one) == least_w for one in whole)

        first = settle(depot, lambda: held(3, 5000))
        assert all(_periods(one) == DAY.isp_count for one in stations.values())
        depot.clock.jump_to(depot.clock.now() + timedelta(seconds=301))
        adopt(depot, count, 6.0)
        changed = settle(depot, lambda: held(3, 6000))
        with depot.store.transaction() as tx:
            rows = sum(len(mine) for mine in dispatches.firm(tx).values())
        return {"first plan": first | {"commands": rows}, "changed plan": changed | {"commands": 2.0 * count}}


def _plan(station: Station) -> list[dict[str, float]]:
    plans = [one for one in station.profiles.values() if one["stackLevel"] > 0]
    periods: list[dict[str, float]] = plans[0]["schedule"]["chargingSchedulePeriod"] if len(plans) == 1 else []
    return periods


def _periods(station: Station) -> int:
    return len(_plan(station))


def _first_w(station: Station) -> float | None:
    found = _plan(station)
    return found[0]["limit"] if found else None


def sessions(count: int) -> dict[str, Figures]:
    """Return how long it takes from a car that comes to a profile at its station."""
    python = counterparty_python(PROJECT / ".venv-counterparty")
    names = [f"CP{n}" for n in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        yard = [{"name": name, "evses": [{"id": 1}]} for name in names]
        with CsmsSite(python, Path(folder), yard) as site:
            plant = Plant(Path(folder), site)
            try:
                took = [_profile_s(plant, name) for name in _ready(plant, names)]
            finally:
                plant.close()
    return {"unplanned cars": {"median s": median(took), "worst s": max(took), "cars": float(count)}}


def _ready(plant: Plant, names: list[str]) -> list[str]:
    """Send every fallback and maximum."""
    connection = Connection(address="ean.1", first_day=date(2026, 1, 1))
    rows = tuple(replace(point(f"at {name}", name), carrier="tx_default") for name in names)
    with plant.world.store.transaction() as tx:
        register.replace(tx, Register(connections=(connection,), charge_points=rows))
    plant.until(lambda: all(len(_held(plant, name)) == 2 for name in names), "no fallback")
    return names


def _held(plant: Plant, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = told(plant.site.stations.send("state", station=name))["profiles"]
    return found


def _planned(profile: dict[str, object]) -> bool:
    """Say whether a profile is ours for a session; the CSMS sends one of its own as well, for the transaction."""
    return profile["charging_profile_purpose"] == "TxDefaultProfile" and profile["stack_level"] != 0


def _profile_s(plant: Plant, name: str) -> float:
    began = time.monotonic()
    plant.site.visit(name, car(name, says_needs=True, until=(NOW + timedelta(hours=6)).isoformat()))
    while not any(_planned(one) for one in _held(plant, name)):
        plant.roads.look("citrine")
        time.sleep(PAUSE_S)
        assert time.monotonic() - began < 60, plant.rows()
    return time.monotonic() - began


PARTS: dict[str, tuple[Callable[[int], dict[str, Figures]], int]] = {
    "points": (points, 500),
    "sessions": (sessions, 20),
}


def broken(found: dict[str, Figures]) -> list[str]:
    """Return the limits that do not hold."""
    late = [f"{name}: {one['seconds']:.0f} s" for name, one in found.items() if one.get("seconds", 0.0) > LIMIT_S]
    return late + [
        f"{name}: {one['worst s']:.1f} s" for name, one in found.items() if one.get("worst s", 0) > PROFILE_S
    ]


def main() -> int:
    """Run the parts, print their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    log.configure(quiet=True)
    found: dict[str, Figures] = {}
    for name in given.parts or PARTS:
        part, count = PARTS[name]
        found |= part(max(int(count * given.scale), 1))
    table = Table()
    for head in ("what", "figures"):
        table.add_column(head)
    for name, one in found.items():
        table.add_row(name, ", ".join(f"{key} {value:,.2f}" for key, value in one.items()))
    Console().print(table)
    faults = broken(found) if given.scale >= 1 else []
    for fault in faults:
        print(fault)  # noqa: T201 - a campaign's result
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
