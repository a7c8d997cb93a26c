"""What the rows of a scenario's tables are to the monolith: units with arrays over the day.

Source: docs/reference/formulation.md §2, docs/reference/tables.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tests.scenario.monolith.afterwards import MOST_PIECES, After, Pieces, counted_from, isps_after, worth_pieces
from tests.scenario.monolith.reading import Day, instant, number


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A program that nobody steers, kW."""

    point: str | None
    connection: str
    power: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Curtailable:
    """`forecast <= p <= 0`."""

    point: str | None
    connection: str
    forecast: np.ndarray
    eur_per_kwh: float
    reserve: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """The programs among which a run chooses, each with what it leaves for later, EUR."""

    point: str | None
    connection: str
    programs: np.ndarray  # (starts, T)
    later_eur: np.ndarray  # (starts,)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A battery, a charging session or a heat buffer; powers are bounds of an ISP's mean."""

    point: str | None
    connection: str
    first: int  # its ISPs: first, and one after the last
    end: int
    charge: np.ndarray
    discharge: np.ndarray
    charge_min: np.ndarray
    gain: np.ndarray  # energy stored per energy taken
    discharge_efficiency: float
    keep: float  # share of the content that is left after an ISP
    demand: np.ndarray
    low: np.ndarray
    high: np.ndarray
    content: float  # at the start
    most: float  # that it can hold
    floor: float  # least content at any time
    wear_eur_per_kwh: float
    reserve: float
    worth_from: float  # the worth of what is left begins at this energy with `worth_base_eur`
    worth_base_eur: float
    worth: Pieces  # upwards: kWh, EUR per kWh
    joined: bool = False  # whether a plan counts with fewer pieces, which are worth no more


@dataclass(frozen=True, kw_only=True)
class Switched:
    """On at its power or off, in windows only; times in ISPs."""

    point: str | None
    connection: str
    power_kw: float
    windows: tuple[tuple[np.ndarray, int, int], ...]  # its ISPs, least and most on
    may_start: np.ndarray  # (T,) whether its least time would end inside windows, of the next day too
    run: int
    rest: int
    before: int  # on (above 0) or off for so long
    start_eur: float


Unit = Fixed | Curtailable | Run | Store | Switched


@dataclass(frozen=True, kw_only=True)
class Left:
    """With what a day begins that the day before has left; nothing on the first day."""

    content_kwh: dict[str, float] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)  # runs
    off_isps: dict[str, int] = field(default_factory=dict)  # switched loads
    level_kw: dict[int, float] = field(default_factory=dict)  # peaks, by row of connection_tariffs
    credited_eur: float = 0.0


NOTHING = Left()


def units(day: Day, series: str, left: Left = NOTHING) -> Iterator[tuple[str, Unit]]:
    """Give every unit that plays a part in the day, by name; `series` has the prices that value what is left."""
    tables = day.tables
    for row in tables["fixed_loads"]:
        power = day.forecast(row["resource"], "power_kw")
        yield row["resource"], Fixed(point=_point(day, row), connection=row["connection"], power=power)
    for row in tables["generators"]:
        yield row["resource"], Curtailable(
            point=_point(day, row), connection=row["connection"], forecast=day.forecast(row["resource"], "power_kw"),
            eur_per_kwh=number(row, "curtailment_eur_per_mwh") / 1000, reserve=number(row, "reserve_kw"),
        )  # fmt: skip
    for row in tables["batteries"]:
        yield row["resource"], _battery(day, row, series, left)
    for row in tables["heat_pumps"]:
        yield row["resource"], _heat_pump(day, row, series, left)
    for row in tables["ev_sessions"]:
        if instant(row["arrival"]) < day.begin(day.isps) and instant(row["departure"]) > day.start:
            yield row["resource"], _session(day, row, series, left)
    for row in tables["shiftable_runs"]:
        if instant(row["earliest_start"]) < day.begin(day.isps) and instant(row["latest_end"]) > day.start:
            yield row["resource"], _run(day, row, series, left)
    for row in tables["switched_loads"]:
        yield row["resource"], _switched(day, row, left)


def _point(day: Day, row: dict[str, str]) -> str | None:
    return day.points.get(row["connection"])


def _battery(day: Day, row: dict[str, str], series: str, left: Left) -> Store:
    capacity, content = number(row, "capacity_kwh"), left.content_kwh.get(row["resource"], number(row, "initial_kwh"))
    charge, gain = number(row, "charge_kw"), number(row, "charge_efficiency", 1)
    discharge, loss = number(row, "discharge_kw"), number(row, "discharge_efficiency", 1)
    keep = (1 - number(row, "loss_per_day")) ** (day.hours / 24)
    low, high = np.full(day.isps, number(row, "minimum_kwh")), np.full(day.isps, capacity)
    up = down = content  # outside its band, a battery returns as fast as it can
    for t in range(day.isps):
        up = min(keep * up + day.hours * gain * charge, capacity)
        down = max(keep * down - day.hours * discharge / loss, 0.0)
        low[t], high[t] = min(low[t], up), max(high[t], down)
    low[-1] = max(low[-1], number(row, "end_kwh"))
    return _store(
        day, _point(day, row), 0, day.isps, charge=charge, discharge=discharge, gain=gain, discharge_efficiency=loss,
        keep=keep, low=low, high=high, content=content, most=capacity, floor=number(row, "minimum_kwh"), row=row,
        **_worth(
            day, row, series, (float(low[-1]), capacity), charge=charge, discharge=discharge, gain=np.array([gain]),
            discharge_efficiency=loss, keep=keep, demand=np.array([0.0]), low=number(row, "minimum_kwh"),
        ),
    )  # fmt: skip


def _heat_pump(day: Day, row: dict[str, str], series: str, left: Left) -> Store:
    buffer, content = number(row, "buffer_kwh"), left.content_kwh.get(row["resource"], number(row, "initial_kwh"))
    low, keep = np.zeros(day.isps), (1 - number(row, "loss_per_day")) ** (day.hours / 24)
    low[-1] = number(row, "end_kwh")
    after = _after(day)
    return _store(
        day, _point(day, row), 0, day.isps, charge=number(row, "power_kw"),
        gain=day.forecast(row["resource"], "cop"), demand=day.forecast(row["resource"], "heat_kw") * day.hours,
        keep=keep, low=low, high=np.full(day.isps, buffer), content=content, most=buffer, floor=0.0, row=row,
        **_worth(
            day, row, series, (float(low[-1]), buffer), charge=number(row, "power_kw"), discharge=0.0,
            gain=day.forecast_after(row["resource"], "cop", after), discharge_efficiency=1.0, keep=keep,
            demand=day.forecast_after(row["resource"], "heat_kw", after) * day.hours, low=0.0,
        ),
    )  # fmt: skip


def _after(day: Day) -> range:
    return isps_after(day, day.settings.get("planning", {}).get("look_ahead_days", 0))


def _worth(
    day: Day, row: dict[str, str], series: str, ends: tuple[float, float], *, low: float, charge: float,
    discharge: float, **can: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return what a battery or buffer holds at the end is worth: counted from the content in its table."""
    after, eur, first = _after(day), number(row, "end_worth_eur_per_mwh") / 1000, number(row, "initial_kwh")
    if not after:
        return {"worth_base_eur": (ends[0] - first) * eur, "worth": ((ends[1] - ends[0], eur),)}
    n = len(after)
    last = [day.local(i).date() != day.local(i + 1).date() for i in after]
    wide = dict[str, Any]((name, np.broadcast_to(kwh, (n,)) if np.ndim(kwh) else kwh) for name, kwh in can.items())
    store = After(
        **wide, charge=np.full(n, charge), discharge=np.full(n, discharge), price=day.expected(series, after) / 1000,
        low=np.where(last, max(low, number(row, "end_kwh")), low), high=ends[1], worth=eur,
        wear=number(row, "wear_eur_per_mwh") / 1000, shortfall=_comfort(day),
    )  # fmt: skip
    band = max(min(ends[0], first), low), ends[1]
    whole = worth_pieces(store, day.hours, band)
    if whole:  # outside the band, the first and the last worth of a kWh hold as well
        below, above = max(band[0] - first, 0.0), max(first - band[1], 0.0)
        whole = ((below, whole[0][1]), *whole, (above, whole[-1][1]))
    base, pieces = counted_from(first, ends, whole)
    return {"worth_base_eur": base, "worth": pieces, "joined": len(whole) > MOST_PIECES + 2}


def _comfort(day: Day) -> float:
    return float(day.settings.get("planning", {}).get("comfort_shortfall_eur_per_kwh", 10))


def _session(day: Day, row: dict[str, str], series: str, left: Left) -> Store:
    arrival, departure = instant(row["arrival"]), instant(row["departure"])
    first, end = max(day.isp_of(arrival), 0), min(day.isp_of(departure - timedelta(microseconds=1)) + 1, day.isps)
    here = day.present(arrival, departure, range(first, end))
    charge, gain = number(row, "charge_kw"), number(row, "charge_efficiency", 1)
    content = number(row, "initial_kwh")
    need = content + number(row, "energy_kwh")
    if arrival < day.start:  # not documented: until the first day that is planned, the car charges on arrival
        before = (day.start - arrival) / timedelta(hours=1)
        content = left.content_kwh.get(row["resource"], min(content + charge * gain * before, need))
    high, low = number(row, "capacity_kwh", need), np.zeros(end - first)
    low[-1], worth = need, dict[str, Any](worth_base_eur=0.0, worth=())
    discharge, efficiency = number(row, "discharge_kw"), number(row, "discharge_efficiency", 1)
    if departure > day.begin(day.isps):
        after = range(day.isps, day.isp_of(departure - timedelta(microseconds=1)) + 1)
        there = day.present(arrival, departure, after)
        low[-1] = max(need - float(there.sum()) * charge * gain * day.hours, 0.0)
        later = After(
            charge=charge * there, discharge=discharge * there, gain=np.full(len(after), gain),
            discharge_efficiency=efficiency, keep=1.0, demand=np.zeros(len(after)),
            low=np.where(np.arange(len(after)) == len(after) - 1, need, 0.0), high=high,
            price=day.expected(series, after) / 1000, wear=number(row, "wear_eur_per_mwh") / 1000, worth=0.0,
            shortfall=_comfort(day),
        )  # fmt: skip
        whole = worth_pieces(later, day.hours, (float(low[-1]), high))
        worth["worth_base_eur"], worth["worth"] = counted_from(need, (float(low[-1]), high), whole)
    return _store(
        day, _point(day, row), first, end, charge=charge * here, discharge=discharge * here,
        charge_min=np.minimum(number(row, "charge_min_kw"), charge * here), gain=gain,
        discharge_efficiency=efficiency, keep=1.0, low=low,
        high=np.full(end - first, high), content=content, most=high, floor=0.0, row=row, **worth,
    )  # fmt: skip


def _store(
    day: Day, point: str | None, first: int, end: int, *, row: dict[str, str], gain: object, low: np.ndarray,
    charge: object, discharge: object = 0.0, charge_min: object = 0.0, discharge_efficiency: float = 1.0,
    demand: object = 0.0, **values: object,
) -> Store:  # fmt: skip
    def wide(value: object) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=float), (end - first,))

    return Store(
        point=point, connection=row["connection"], first=first, end=end,
        gain=wide(gain), charge=wide(charge), discharge=wide(discharge),
        charge_min=wide(charge_min), demand=wide(demand), discharge_efficiency=discharge_efficiency, low=low,
        wear_eur_per_kwh=number(row, "wear_eur_per_mwh") / 1000, reserve=number(row, "reserve_kw"),
        worth_from=float(low[-1]), **values,  # type: ignore[arg-type]
    )  # fmt: skip


def _run(day: Day, row: dict[str, str], series: str, left: Left) -> Run:
    profile = np.array([float(kw) for kw in row["profile_kw"].split()])
    earliest = max(day.isp_of(instant(row["earliest_start"])), 0)
    latest = day.isp_of(instant(row["latest_end"])) - len(profile)
    if row["resource"] in left.began:
        earliest = latest = day.isp_of(left.began[row["resource"]])
    longest = max(latest + len(profile), day.isps)
    eur = day.expected(series, range(day.isps, longest)) * day.hours / 1000
    programs, later = [], []
    for start in range(earliest, latest + 1):
        whole = np.zeros(longest)
        whole[max(start, 0) : max(start + len(profile), 0)] = profile[max(-start, 0) :]
        programs.append(whole[: day.isps])
        later.append(float(whole[day.isps :] @ eur))
    return Run(
        point=_point(day, row), connection=row["connection"], programs=np.array(programs), later_eur=np.array(later)
    )


def _switched(day: Day, row: dict[str, str], left: Left) -> Switched:
    def isps(minutes: float) -> int:
        return int(np.ceil(minutes / day.minutes - 1e-9))

    windows, spans = [], []
    for need in row["needs"].split(";"):
        span, hours = need.split()
        begin, end = span.split("-")
        least, _, most = hours.partition("-")
        spans.append((begin, end))
        inside = np.array([begin <= day.local(i).strftime("%H:%M") < end for i in range(day.isps)])
        allowed = int(float(most) / day.hours + 1e-9) if most else int(inside.sum())
        windows.append((np.flatnonzero(inside), isps(float(least) * 60), min(allowed, int(inside.sum()))))
    run, before = max(isps(number(row, "min_run_minutes")), 1), number(row, "initial_minutes", -1440)
    clock = [day.local(i).strftime("%H:%M") for i in range(day.isps + run)]
    inside = np.array([any(begin <= at < end for begin, end in spans) for at in clock])
    return Switched(
        point=_point(day, row), connection=row["connection"], power_kw=number(row, "power_kw"),
        windows=tuple(windows), may_start=np.array([inside[t : t + run].all() for t in range(day.isps)]), run=run,
        rest=max(isps(number(row, "min_rest_minutes")), 1),
        before=-left.off_isps[row["resource"]] if row["resource"] in left.off_isps else int(before / day.minutes),
        start_eur=number(row, "start_eur"),
    )  # fmt: skip
