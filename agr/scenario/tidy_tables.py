"""Turns plans into tidy tables: one row per subject and ISP, units in column names, indexed by aware local time.

Every table has the columns period and step, and most have isp. Consumption is positive, and so is money earned.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.register import Register
from agr.planning.case import CLASSES
from agr.scenario.day import Step
from models import connection_costs
from models.baseline import unmanaged_programs
from models.case import NO_POINT
from models.connection_loads import drawn_kw
from models.outcome import Programs

Floats = NDArray[np.float64]
Frame = pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class TableContext:
    """What a case does not say about its resources: kind and connection by name."""

    kinds: Mapping[str, str]
    connections: Mapping[str, str]


def known_of(register: Register) -> TableContext:
    """Return the context of a register's resources."""
    kinds = {row.resource: kind.name for kind in KINDS for row in register.of(kind.row)}
    return TableContext(kinds=kinds, connections=register.connection_of())


def point_kw(step: Step, programs: Programs) -> Floats:
    """Return the program of every congestion point (C,T)."""
    found = np.zeros((len(step.solved.named.case.points), step.solved.named.case.isps))
    case = step.solved.named.case
    for units in CLASSES:
        point = units.points(case)
        inside = point != NO_POINT
        np.add.at(found, point[inside], units.power_kw(case, programs)[inside])
    return found


def _grid(step: Step, labels: Mapping[str, Sequence[object]], values: Mapping[str, Floats]) -> Frame:
    """Return one row per label and ISP; values are (N,T)."""
    period, isps = step.period, step.solved.named.case.isps
    count = len(next(iter(labels.values()))) if labels else 1
    columns: dict[str, object] = {"isp": np.tile(np.arange(1, isps + 1), count)}
    for name, items in labels.items():
        known = pd.Categorical([str(item) for item in items])
        columns[name] = pd.Categorical.from_codes(np.repeat(known.codes, isps), dtype=known.dtype)
    for name, array in values.items():
        columns[name] = np.asarray(array, dtype=np.float64).reshape(-1)
    index = times(period)
    return _stamped(step, pd.DataFrame(columns, index=index[np.tile(np.arange(isps), count)]))


def times(period: Period) -> pd.DatetimeIndex:
    """Return the start of every ISP in local time."""
    return pd.DatetimeIndex(period.starts(), name="time").tz_convert(period.zone_name)


def _stamped(step: Step, frame: Frame) -> Frame:
    for place, (name, value) in enumerate((("period", str(step.period)), ("step", step.name))):
        frame.insert(
            place, name, pd.Series(pd.Categorical([value] * len(frame), categories=[value]), index=frame.index)
        )
    return frame


def programs(step: Step, known: TableContext) -> Frame:
    """Power, unmanaged power and stored energy of every resource."""
    case, outcome = step.solved.named.case, step.solved.outcome
    places = np.array([*case.points, ""], dtype=object)
    frames = []
    for units in CLASSES:
        names = step.solved.named.of(units.name)
        power = units.power_kw(case, outcome.programs)
        energy = np.full(power.shape, np.nan) if units.stored_kwh is None else units.stored_kwh(outcome.programs)
        labels: dict[str, Sequence[object]] = {
            "resource": names,
            "class": [known.kinds.get(name, units.shown) for name in names],
            "connection": [known.connections.get(name, "") for name in names],
            "congestion_point": places[units.points(case)].tolist(),
        }
        values = {"power_kw": power, "unmanaged_kw": units.unmanaged_kw(case), "energy_kwh": energy}
        frames.append(_grid(step, labels, values))
    return joined(frames)


def points(step: Step, known: TableContext) -> Frame:
    """Per congestion point: program (the D-Prognosis), called program, reservations, limits, shadow prices."""
    named, case, outcome = step.solved.named, step.solved.named.case, step.solved.outcome
    shape = (len(case.points), case.isps)
    upper, lower = np.full(shape, np.inf), np.full(shape, -np.inf)
    np.minimum.at(upper, case.limits.point, case.limits.import_kw)
    np.maximum.at(lower, case.limits.point, case.limits.export_kw)
    shadow = {name: np.zeros(shape) for name in ("import", "export", "reservation", "reserved")}
    np.add.at(shadow["import"], case.limits.point, outcome.shadow.limit_import_eur_per_mwh)
    np.add.at(shadow["export"], case.limits.point, outcome.shadow.limit_export_eur_per_mwh)
    np.add.at(shadow["reservation"], case.reservations.point, outcome.shadow.reservation_eur_per_mwh)
    np.add.at(shadow["reserved"], case.reservations.point, case.reservations.reserved_kw)
    called = np.full(shape, np.nan)
    if outcome.called is not None:
        held = np.unique(case.reservations.point)
        called[held] = point_kw(step, outcome.called)[held]
    values = {
        "power_kw": outcome.point_kw,
        "called_kw": called,
        "reserved_kw": shadow["reserved"],
        "import_limit_kw": np.where(np.isinf(upper), np.nan, upper),
        "export_limit_kw": np.where(np.isinf(lower), np.nan, lower),
        "import_limit_eur_per_mwh": shadow["import"],
        "export_limit_eur_per_mwh": shadow["export"],
        "reservation_eur_per_mwh": shadow["reservation"],
    }
    return _grid(step, {"congestion_point": case.points, "dso": named.dsos}, values)


def positions(step: Step, known: TableContext) -> Frame:
    """Energy traded on each market and imbalance: one row per ISP."""
    outcome = step.solved.outcome
    names = {
        "total_kw": outcome.total_kw, "day_ahead_kw": outcome.day_ahead_kw,
        "intraday_buy_kw": outcome.intraday_buy_kw, "intraday_sell_kw": outcome.intraday_sell_kw,
        "short_kw": outcome.short_kw, "long_kw": outcome.long_kw,
    }  # fmt: skip
    return _grid(step, {}, names)


def prices(step: Step, known: TableContext) -> Frame:
    """Prices that a plan was made with, and the portfolio's internal price of energy: one row per ISP."""
    case = step.solved.named.case
    names = {
        "day_ahead_eur_per_mwh": case.day_ahead.price_eur_per_mwh,
        "intraday_buy_eur_per_mwh": case.intraday.buy_eur_per_mwh,
        "intraday_sell_eur_per_mwh": case.intraday.sell_eur_per_mwh,
        "balance_eur_per_mwh": step.solved.outcome.shadow.balance_eur_per_mwh,
    }
    return _grid(step, {}, names)


def bids(step: Step, known: TableContext) -> Frame:
    """Balancing capacity: one row per product and block, at the block's start."""
    case, index = step.solved.named.case, times(step.period)
    rows: list[dict[str, object]] = []
    starts = []
    for reserve, bid in zip(case.reserves, step.solved.outcome.bids_mw, strict=True):
        for block, bid_mw in enumerate(bid.tolist()):
            isps = np.flatnonzero(reserve.block == block)
            if not len(isps):
                continue
            starts.append(index[isps[0]])
            price = float(reserve.price_eur_per_mw[block])
            rows.append(
                {
                    "product": reserve.name, "direction": reserve.direction.value, "block": block + 1,
                    "hours": len(isps) * case.isp_hours, "bid_mw": bid_mw, "price_eur_per_mw": price,
                    "value_eur": bid_mw * price, "fixed": not np.isnan(reserve.committed_mw[block]),
                }
            )  # fmt: skip
    columns = ("product", "direction", "block", "hours", "bid_mw", "price_eur_per_mw", "value_eur", "fixed")
    frame = pd.DataFrame(rows, columns=list(columns), index=_index(starts, step.period))
    return _stamped(step, frame)


def _index(starts: list[pd.Timestamp], period: Period) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(starts, name="time", tz=period.zone_name).as_unit("ms")  # as Parquet keeps it


def reservations(step: Step, known: TableContext) -> Frame:
    """Per FlexOption: reserved power, deliverable power when called, and shadow price."""
    case, outcome = step.solved.named.case, step.solved.outcome
    held, short = case.reservations.reserved_kw, outcome.reservation_shortfall_kw
    labels: dict[str, Sequence[object]] = {
        "contract": case.reservations.name,
        "congestion_point": [case.points[point] for point in case.reservations.point],
    }
    values = {
        "reserved_kw": held,
        "deliverable_kw": held - np.sign(held) * short,
        "shortfall_kw": short,
        "worth_eur_per_mwh": outcome.shadow.reservation_eur_per_mwh,
    }
    return _grid(step, labels, values)


def connection_limits(step: Step, known: TableContext) -> Frame:
    """Per limit of a connection or group: what is drawn there, without reserve, its bounds, breaches and worth."""
    case, outcome = step.solved.named.case, step.solved.outcome
    limits, nothing = case.connection_limits, np.zeros((0, case.isps))
    if not len(limits.name):
        names = ("power", "import_limit", "export_limit", "import_breach", "export_breach")
        values = {f"{name}_kw": nothing for name in names}
        values |= {"import_worth_eur_per_mwh": nothing, "export_worth_eur_per_mwh": nothing}
        return _grid(step, {"at": (), "congestion_point": ()}, values)
    labels: dict[str, Sequence[object]] = {
        "at": limits.name,
        "congestion_point": [(*case.points, "")[point] for point in limits.point.tolist()],
    }
    values = {
        "power_kw": drawn_kw(case, outcome.programs, None)[0],
        "import_limit_kw": np.where(np.isfinite(limits.import_kw), limits.import_kw, np.nan),
        "export_limit_kw": np.where(np.isfinite(limits.export_kw), limits.export_kw, np.nan),
        "import_breach_kw": outcome.connection_import_breach_kw,
        "export_breach_kw": outcome.connection_export_breach_kw,
        "import_worth_eur_per_mwh": outcome.shadow.connection_import_eur_per_mwh,
        "export_worth_eur_per_mwh": outcome.shadow.connection_export_eur_per_mwh,
    }
    return _grid(step, labels, values)


def connection_tariffs(step: Step, known: TableContext) -> Frame:
    """Per connection with a tariff: what it draws, planned and unmanaged, its prices, and what it pays in each ISP."""
    case, outcome = step.solved.named.case, step.solved.outcome
    tariffs, shape = case.connection_tariffs, (len(case.connection_tariffs.name), case.isps)
    imports, exports = (getattr(tariffs, f"{way}_eur_per_mwh").reshape(shape) for way in ("import", "export"))
    power = connection_costs.drawn_kw(case, outcome.programs)
    price = np.where(power > 0, imports, exports)
    labels: dict[str, Sequence[object]] = {
        "connection": tariffs.name,
        "congestion_point": [(*case.points, "")[point] for point in tariffs.point.tolist()],
    }
    values = {
        "power_kw": power,
        "unmanaged_kw": connection_costs.drawn_kw(case, unmanaged_programs(case)) if len(tariffs.name) else power,
        "import_eur_per_mwh": imports,
        "export_eur_per_mwh": exports,
        "tariff_eur": -power * price * case.isp_hours / 1000,
    }
    return _grid(step, labels, values)


def customers(step: Step, known: TableContext) -> Frame:
    """What each customer with a tariff earns (negative: pays) in the Period, and would without being steered."""
    case, outcome = step.solved.named.case, step.solved.outcome
    bill = connection_costs.bills(case, outcome.tariff_eur, outcome.peak_kw)
    fields = connection_costs.tariff_fields(case, unmanaged_programs(case)) if len(bill.tariff_eur) else {}
    before = connection_costs.bills(case, fields["tariff_eur"], fields["peak_kw"]) if fields else bill
    frame = pd.DataFrame(
        {
            "connection": pd.Categorical(list(case.connection_tariffs.name)),
            "tariff_eur": bill.tariff_eur, "peak_eur": bill.peak_eur, "peak_kw": bill.peak_kw,
            "total_eur": bill.total_eur, "unmanaged_eur": before.total_eur,
            "better_eur": bill.total_eur - before.total_eur,
        },
        index=_index([times(step.period)[0]] * len(bill.tariff_eur), step.period),
    )  # fmt: skip
    return _stamped(step, frame)


def balancing_groups(step: Step, known: TableContext) -> Frame:
    """Per balancing group: what its resources take and what it has bought; no rows where all are balanced together."""
    case, outcome = step.solved.named.case, step.solved.outcome
    groups = case.balancing_groups
    values = {
        "day_ahead_kw": outcome.group_day_ahead_kw, "intraday_kw": outcome.group_intraday_kw,
        "traded_kw": groups.traded_kw, "imbalance_kw": outcome.group_imbalance_kw,
        "balance_eur_per_mwh": outcome.shadow.group_balance_eur_per_mwh,
    }  # fmt: skip
    if not groups.name:
        values = dict.fromkeys(values, np.zeros((0, case.isps)))
    power = sum(list(values.values())[:4], np.zeros((len(groups.name), case.isps)))
    return _grid(step, {"group": groups.name}, {"power_kw": power} | values)


def shortfalls(step: Step, known: TableContext) -> Frame:
    """Everything promised or needed that is missing: one row per kind, subject and ISP; kWh above zero."""
    named, case, outcome = step.solved.named, step.solved.named.case, step.solved.outcome
    hours = case.isp_hours
    at_limit = [case.points[point] for point in case.limits.point]
    parts: list[tuple[str, Sequence[str], Floats]] = [
        *(
            (kind, named.of(units.name), missed(case, outcome.programs))
            for units in CLASSES
            for kind, missed in (("comfort unmet", units.unmet_kwh), ("comfort excess", units.excess_kwh))
            if missed is not None
        ),
        ("import limit breach", at_limit, outcome.breach_import_kw * hours),
        ("export limit breach", at_limit, outcome.breach_export_kw * hours),
        ("connection import limit breach", case.connection_limits.name, outcome.connection_import_breach_kw * hours),
        ("connection export limit breach", case.connection_limits.name, outcome.connection_export_breach_kw * hours),
        ("reservation", case.reservations.name, outcome.reservation_shortfall_kw * hours),
        ("balancing capacity", [r.name for r in case.reserves], outcome.reserve_shortfall_mw * 1000 * hours),
        ("imbalance", ["short", "long"], np.array([outcome.short_kw, outcome.long_kw]) * hours),
    ]
    frames = [
        _grid(step, {"kind": [kind] * len(names), "subject": names}, {"energy_kwh": amount})
        for kind, names, amount in parts
        if len(names)
    ]
    whole = joined(frames)
    return whole[whole["energy_kwh"] > 1e-6]


def terms(step: Step, known: TableContext) -> Frame:
    """The objective in EUR by term and congestion point; terms outside congestion points have an empty one."""
    case, outcome = step.solved.named.case, step.solved.outcome
    rows = []
    for term, value in outcome.terms_eur.items():
        per_point = outcome.point_terms_eur.get(term)
        if per_point is None:
            rows.append((term, "", value))
        else:
            rows += [(term, p, float(v)) for p, v in zip((*case.points, ""), per_point, strict=True) if v != 0.0]
            if not per_point.any():
                rows.append((term, "", 0.0))
    frame = pd.DataFrame(rows, columns=["term", "congestion_point", "value_eur"])
    frame.index = _index([times(step.period)[0]] * len(rows), step.period)
    return _stamped(step, frame)


def changes(step: Step, known: TableContext) -> Frame:
    """Changes against the plan before: one row per congestion point and ISP."""
    index = times(step.period)
    found = [(p.address, isp) for p in (step.change.points if step.change else ()) for isp in p.isps]
    rows = [
        (
            isp.isp, address, isp.before_w / 1000, isp.after_w / 1000, isp.earned_eur,
            "; ".join(str(cause) for cause in isp.causes),
        )
        for address, isp in found
    ]  # fmt: skip
    columns = ["isp", "congestion_point", "before_kw", "after_kw", "earned_eur", "because"]
    frame = pd.DataFrame(rows, columns=columns, index=_index([index[isp.isp - 1] for _, isp in found], step.period))
    return _stamped(step, frame)


TABLES: dict[str, Callable[[Step, TableContext], Frame]] = {
    "programs": programs, "points": points, "positions": positions, "prices": prices, "bids": bids,
    "reservations": reservations, "shortfalls": shortfalls, "terms": terms, "changes": changes,
    "connection_limits": connection_limits, "connection_tariffs": connection_tariffs, "customers": customers,
    "balancing_groups": balancing_groups,
}  # fmt: skip


def joined(frames: Sequence[Frame]) -> Frame:
    """Return the rows of all frames, of which there is at least one, with the union of their categories."""
    frames = [frame for frame in frames if len(frame)] or list(frames[:1])
    if len(frames) == 1:
        return frames[0]
    words = [name for name in frames[0].columns if isinstance(frames[0][name].dtype, pd.CategoricalDtype)]
    for name in words:
        every = dict.fromkeys(word for frame in frames for word in frame[name].cat.categories)
        frames = [frame.assign(**{name: frame[name].cat.set_categories(list(every))}) for frame in frames]
    return pd.concat(frames)
