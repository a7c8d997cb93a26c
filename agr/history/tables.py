"""History as tables: by day, week, market, congestion point, contract, connection, BRP, DSO or order. Pure.

Money of five kinds stands in columns of its own: what counterparties pay or are paid, costs of owners, what one day
hands to the next (stored energy), what customers pay at their connections, and planning prices, which nobody pays.
`money_eur` is the sum of the first four and of old money whose payer is no longer known; planning prices are never in a
sum with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.history.days import Parties, PastDay, PastOrder
from agr.history.facts import UNKNOWN, Fact

By = Literal["day", "week", "market", "point", "contract", "connection", "brp", "dso", "order"]
BYS: tuple[By, ...] = get_args(By)
OF_PARTIES: tuple[By, ...] = ("connection", "brp")
"""Groupings whose tables need the programs of every day."""
Cell = str | int | float | None
MONEY = ("paid", "owner", "carried", "customer", UNKNOWN)
_MONEY_COLUMNS = (
    "paid_eur", "owner_eur", "carried_eur", "customer_eur", "unknown_eur", "money_eur", "planning_eur",
)  # fmt: skip
_PHYSICAL = (
    "imbalance_mwh", "reservation_shortfall_kwh", "comfort_shortfall_kwh", "limit_breach_kwh", "reserve_shortfall_mwh",
)  # fmt: skip
_OF_TIME = (
    "first_plan_eur", "gap_eur", "executed_eur", "deviation_eur", "measured_mwh", "deviation_mwh", "plans",
    "promises_kept", "promises_broken", "prognoses_accepted", "prognoses_not_accepted", *_PHYSICAL, "broken",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Table:
    """Named columns and rows of cells; None: not known."""

    by: By
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> list[dict[str, Cell]]:
        """Return a dictionary per row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def parse_by(text: str) -> By:
    """Read what a table is made by; raises InputError."""
    found = next((by for by in BYS if by == text), None)
    if found is None:
        raise InputError(f"{text!r}: {meant(text, BYS)}")
    return found


def table(by: By, days: Sequence[PastDay], parties: Iterable[Parties] = ()) -> Table:
    """Return the table of some days; `parties`: of each of these days, wanted for the tables of OF_PARTIES."""
    if by == "day":
        return _of_time(by, ("day",), {(str(day.period),): [day] for day in days})
    if by == "week":
        weeks: dict[tuple[Cell, ...], list[PastDay]] = {}
        for day in days:
            year, week, _ = day.period.day.isocalendar()
            weeks.setdefault((f"{year}-W{week:02}",), []).append(day)
        return _of_time(by, ("week",), weeks)
    if by in OF_PARTIES:
        each = (of.connections if by == "connection" else of.brps for of in parties)
        theirs = (((name,), whose, eur) for of in each for (name, _, whose), eur in of.items())
        return _sums(by, (by,), theirs)
    if by == "order":
        return _orders(days)
    if by == "dso":
        return _buyers(days)
    facts = [fact for day in days for fact in day.facts]
    if by == "market":
        return _sums(by, ("term",), (((fact.term,), fact.whose, fact.eur) for fact in facts))
    if by == "point":
        return _sums(by, ("congestion_point",), (((fact.congestion_point,), fact.whose, fact.eur) for fact in facts))
    return _sums(by, ("contract", "congestion_point"), ((_contract(f), f.whose, f.eur) for f in facts if f.contract))


def _contract(fact: Fact) -> tuple[str, str]:
    return fact.contract, fact.congestion_point


def _money(sums: Mapping[str, float]) -> tuple[Cell, ...]:
    """Return the cells of _MONEY_COLUMNS."""
    each = [sums.get(whose, 0.0) for whose in MONEY]
    return (*each, sum(each), sums.get("planning", 0.0))


def _sums(by: By, keys: tuple[str, ...], amounts: Iterable[tuple[tuple[str, ...], str, float]]) -> Table:
    """Return a row per key, in order; an empty key stands for what belongs to none, and comes last."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for key, whose, eur in amounts:
        sums = found.setdefault(key, {})
        sums[whose] = sums.get(whose, 0.0) + eur
    ordered = sorted(found, key=lambda key: (key[0] == "", key))
    return Table(
        by=by, columns=(*keys, *_MONEY_COLUMNS), rows=tuple((*key, *_money(found[key])) for key in ordered)
    )  # fmt: skip


_SOLD = ("ordered_mwh", "ordered_eur", "settled_eur", "correction_eur")


def _sold(orders: Sequence[PastOrder]) -> tuple[Cell, ...]:
    """Return the cells of _SOLD; what was settled, and by how much that corrects, counts settled orders only."""
    settled = [one for one in orders if one.settled_eur is not None]
    net = sum(one.settled_eur or 0.0 for one in settled)
    return (
        sum(one.mwh for one in orders), sum(one.ordered_eur for one in orders),
        net if settled else None, net - sum(one.ordered_eur for one in settled) if settled else None,
    )  # fmt: skip


def _orders(days: Sequence[PastDay]) -> Table:
    """Return a row per order of flexibility."""
    rows = [
        (
            one.reference, str(day.period), one.dso, one.congestion_point, one.contract, one.state, *_sold([one]),
            one.expected_eur,
        )
        for day in days
        for one in day.orders
    ]  # fmt: skip
    columns = ("order", "day", "dso", "congestion_point", "contract", "state", *_SOLD, "expected_eur")
    return Table(by="order", columns=columns, rows=tuple(rows))


def _buyers(days: Sequence[PastDay]) -> Table:
    """Return what DSOs ordered, a row per DSO, contract and congestion point; an empty contract is the free market."""
    found: dict[tuple[str, str, str], list[PastOrder]] = {}
    for one in (one for day in days for one in day.orders):
        found.setdefault((one.dso, one.contract, one.congestion_point), []).append(one)
    rows = tuple((*key, len(found[key]), *_sold(found[key])) for key in sorted(found))
    return Table(by="dso", columns=("dso", "contract", "congestion_point", "orders", *_SOLD), rows=rows)


def _of_time(by: By, keys: tuple[str, ...], groups: Mapping[tuple[Cell, ...], Sequence[PastDay]]) -> Table:
    rows = []
    for key, days in groups.items():
        sums: dict[str, float] = {}
        for fact in (fact for day in days for fact in day.facts):
            sums[fact.whose] = sums.get(fact.whose, 0.0) + fact.eur
        gaps = [day.plan.result.proven_gap_eur for day in days]
        executed = [day.executed for day in days if day.executed is not None]
        settled = _known_sum([one.deviation_eur for one in executed]) if executed else None
        accepted = sum(day.prognoses.get("accepted", 0) for day in days)
        broken = [words if len(days) == 1 else f"{day.period} {words}" for day in days for words in day.promises.broken]
        rows.append((
            *key, *_money(sums), sum(day.first_plan_eur for day in days), _known_sum(gaps),
            None if settled is None else sum(sums.get(whose, 0.0) for whose in MONEY) + settled, settled,
            sum(one.measured_mwh for one in executed) if executed else None,
            sum(one.deviation_mwh for one in executed) if executed else None,
            sum(day.plans for day in days), sum(day.promises.kept for day in days), len(broken), accepted,
            sum(sum(day.prognoses.values()) for day in days) - accepted,
            *(sum(float(getattr(day.plan.result, name)) for day in days) for name in _PHYSICAL), "; ".join(broken),
        ))  # fmt: skip
    return Table(by=by, columns=(*keys, *_MONEY_COLUMNS, *_OF_TIME), rows=tuple(rows))


def _known_sum(values: Sequence[float | None]) -> float | None:
    """Return the sum; None where a part of it is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
