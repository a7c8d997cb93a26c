"""Turns plans into tidy tables: one row per subject and ISP, units in column names, indexed by aware local time.

Every table has the columns period and step, and most have isp. Consumption is positive, and so is money earned.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from agr.planning.case import CLASSES
from agr.scenario.connection_tables import connection_limits, connection_tariffs, customers
from agr.scenario.day import Step
from agr.scenario.table_frames import Floats, Frame, TableContext, at_times, grid, joined, stamped, times
from models.case import NO_POINT
from models.outcome import Programs


def point_kw(step: Step, programs: Programs) -> Floats:
    """Return the program of every congestion point (C,T)."""
    found = np.zeros((len(step.solved.named.case.points), step.solved.named.case.isps))
    case = step.solved.named.case
    for units in CLASSES:
        point = units.points(case)
        inside = point != NO_POINT
        np.add.at(found, point[inside], units.power_kw(case, programs)[inside])
    return found


def programs(step: Step, known: TableContext) -> Frame:
    """Power, unmanaged power and stored energy of every resource."""
    case, outcome = step.solved.named.case, step.solved.outcome
    places = np.array([*case.points, ""], dtype=object)
    frames = []
    present = [units for units in CLASSES if step.solved.named.of(units.name)] or CLASSES[:1]
    for units in present:
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
        frames.append(grid(step, labels, values))
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
    return grid(step, {"congestion_point": case.points, "dso": named.dsos}, values)


def positions(step: Step, known: TableContext) -> Frame:
    """Energy traded on each market and imbalance: one row per ISP."""
    outcome = step.solved.outcome
    names = {
        "total_kw": outcome.total_kw, "day_ahead_kw": outcome.day_ahead_kw,
        "intraday_buy_kw": outcome.intraday_buy_kw, "intraday_sell_kw": outcome.intraday_sell_kw,
        "short_kw": outcome.short_kw, "long_kw": outcome.long_kw,
    }  # fmt: skip
    return grid(step, {}, names)


def prices(step: Step, known: TableContext) -> Frame:
    """Prices that a plan was made with, and the portfolio's internal price of energy: one row per ISP."""
    case = step.solved.named.case
    names = {
        "day_ahead_eur_per_mwh": case.day_ahead.price_eur_per_mwh,
        "intraday_buy_eur_per_mwh": case.intraday.buy_eur_per_mwh,
        "intraday_sell_eur_per_mwh": case.intraday.sell_eur_per_mwh,
        "balance_eur_per_mwh": step.solved.outcome.shadow.balance_eur_per_mwh,
    }
    return grid(step, {}, names)


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
            price, earned = float(reserve.price_eur_per_mw[block]), float(reserve.earned_eur_per_mw[block])
            rows.append(
                {
                    "product": reserve.name, "direction": reserve.direction.value, "block": block + 1,
                    "hours": len(isps) * case.isp_hours, "bid_mw": bid_mw, "price_eur_per_mw": price,
                    "value_eur": bid_mw * earned, "fixed": not np.isnan(reserve.committed_mw[block]),
                }
            )  # fmt: skip
    columns = ("product", "direction", "block", "hours", "bid_mw", "price_eur_per_mw", "value_eur", "fixed")
    frame = pd.DataFrame(rows, columns=list(columns), index=at_times(starts, step.period))
    return stamped(step, frame)


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
    return grid(step, labels, values)


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
    return grid(step, {"group": groups.name}, {"power_kw": power} | values)


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
        grid(step, {"kind": [kind] * len(names), "subject": names}, {"energy_kwh": amount})
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
    frame.index = at_times([times(step.period)[0]] * len(rows), step.period)
    return stamped(step, frame)


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
    frame = pd.DataFrame(rows, columns=columns, index=at_times([index[isp.isp - 1] for _, isp in found], step.period))
    return stamped(step, frame)


TABLES: dict[str, Callable[[Step, TableContext], Frame]] = {
    "programs": programs, "points": points, "positions": positions, "prices": prices, "bids": bids,
    "reservations": reservations, "shortfalls": shortfalls, "terms": terms, "changes": changes,
    "connection_limits": connection_limits, "connection_tariffs": connection_tariffs, "customers": customers,
    "balancing_groups": balancing_groups,
}  # fmt: skip
