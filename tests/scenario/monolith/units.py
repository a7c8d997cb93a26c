"""What the rows of a scenario's tables are to the monolith: units with arrays over the day.

Source: docs/reference/formulation.md §2, docs/reference/tables.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

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
    floor: float  # least content at any time
    wear_eur_per_kwh: float
    reserve: float
    worth_from: float  # the worth of what is left begins at this energy with `worth_base_eur`
    worth_base_eur: float
    worth: tuple[tuple[float, float], ...]  # pieces upwards: kWh, EUR per kWh


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


def units(day: Day, series: str) -> Iterator[tuple[str, Fixed | Curtailable | Run | Store | Switched]]:
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
        yield row["resource"], _battery(day, row)
    for row in tables["heat_pumps"]:
        yield row["resource"], _heat_pump(day, row)
    for row in tables["ev_sessions"]:
        if instant(row["arrival"]) < day.begin(day.isps) and instant(row["departure"]) > day.start:
            yield row["resource"], _session(day, row, series)
    for row in tables["shiftable_runs"]:
        yield row["resource"], _run(day, row, series)
    for row in tables["switched_loads"]:
        yield row["resource"], _switched(day, row)


def _point(day: Day, row: dict[str, str]) -> str | None:
    return day.points.get(row["connection"])


def _battery(day: Day, row: dict[str, str]) -> Store:
    capacity, content = number(row, "capacity_kwh"), number(row, "initial_kwh")
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
        keep=keep, low=low, high=high, content=content, floor=number(row, "minimum_kwh"), row=row,
        worth_base_eur=(low[-1] - content) * number(row, "end_worth_eur_per_mwh") / 1000,
        worth=((capacity - low[-1], number(row, "end_worth_eur_per_mwh") / 1000),),
    )  # fmt: skip


def _heat_pump(day: Day, row: dict[str, str]) -> Store:
    buffer, content = number(row, "buffer_kwh"), number(row, "initial_kwh")
    low = np.zeros(day.isps)
    low[-1] = number(row, "end_kwh")
    return _store(
        day, _point(day, row), 0, day.isps, charge=number(row, "power_kw"),
        gain=day.forecast(row["resource"], "cop"), demand=day.forecast(row["resource"], "heat_kw") * day.hours,
        keep=(1 - number(row, "loss_per_day")) ** (day.hours / 24),
        low=low, high=np.full(day.isps, buffer), content=content, floor=0.0, row=row,
        worth_base_eur=(low[-1] - content) * number(row, "end_worth_eur_per_mwh") / 1000,
        worth=((buffer - low[-1], number(row, "end_worth_eur_per_mwh") / 1000),),
    )  # fmt: skip


def _session(day: Day, row: dict[str, str], series: str) -> Store:
    arrival, departure = instant(row["arrival"]), instant(row["departure"])
    first, end = max(day.isp_of(arrival), 0), min(day.isp_of(departure - timedelta(microseconds=1)) + 1, day.isps)
    here = day.present(arrival, departure, range(first, end))
    charge, gain = number(row, "charge_kw"), number(row, "charge_efficiency", 1)
    content = number(row, "initial_kwh")
    need = content + number(row, "energy_kwh")
    if arrival < day.start:  # not documented: until the first day that is planned, the car charges on arrival
        before = (day.start - arrival) / timedelta(hours=1)
        content = min(content + charge * gain * before, need)
    high, low = number(row, "capacity_kwh", need), np.zeros(end - first)
    low[-1], pieces, base = need, [(high - need, 0.0)], 0.0
    if departure > day.begin(day.isps):
        after = range(day.isps, day.isp_of(departure - timedelta(microseconds=1)) + 1)
        kwh = day.present(arrival, departure, after) * charge * gain * day.hours
        eur = (day.expected(series, after) + number(row, "wear_eur_per_mwh")) / gain / 1000
        low[-1] = max(need - kwh.sum(), 0.0)
        missing = need - low[-1]
        for i in np.argsort(eur, kind="stable"):  # the last kWh before the need would be charged most cheaply
            piece = min(kwh[i], missing)
            if piece > 0:
                pieces.insert(0, (piece, eur[i]))
                missing, base = missing - piece, base - piece * eur[i]
    return _store(
        day, _point(day, row), first, end, charge=charge * here, discharge=number(row, "discharge_kw") * here,
        charge_min=np.minimum(number(row, "charge_min_kw"), charge * here), gain=gain,
        discharge_efficiency=number(row, "discharge_efficiency", 1), keep=1.0, low=low,
        high=np.full(end - first, high), content=content, floor=0.0, row=row, worth_base_eur=base,
        worth=tuple(pieces) if departure > day.begin(day.isps) else (),
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


def _run(day: Day, row: dict[str, str], series: str) -> Run:
    profile = np.array([float(kw) for kw in row["profile_kw"].split()])
    earliest = max(day.isp_of(instant(row["earliest_start"])), 0)
    latest = day.isp_of(instant(row["latest_end"])) - len(profile)
    longest = max(latest + len(profile), day.isps)
    eur = day.expected(series, range(day.isps, longest)) * day.hours / 1000
    programs, later = [], []
    for start in range(earliest, latest + 1):
        whole = np.zeros(longest)
        whole[start : start + len(profile)] = profile
        programs.append(whole[: day.isps])
        later.append(float(whole[day.isps :] @ eur))
    return Run(
        point=_point(day, row), connection=row["connection"], programs=np.array(programs), later_eur=np.array(later)
    )


def _switched(day: Day, row: dict[str, str]) -> Switched:
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
        rest=max(isps(number(row, "min_rest_minutes")), 1), before=int(before / day.minutes),
        start_eur=number(row, "start_eur"),
    )  # fmt: skip
