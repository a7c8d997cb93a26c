"""Checks balancing groups: who is balanced by itself, limits shared out once, positions and trades of each. Pure.

Source: docs/reference/e-program.md (balanced together, or each by itself); docs/reference/formulation.md §3.10.
"""

from collections.abc import Iterator

import numpy as np

from agr.planning.case_audit.context import SHOWN, AuditContext
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import beyond, differences
from models.case import UNIT_CLASSES

_KW = 1e-6


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield resources in another group than the settings say, and groups with limits or positions not their own."""
    groups, brps = context.case.balancing_groups, {brp.name: brp.balance for brp in context.facts.brps}
    alone = {name for name, balance in brps.items() if balance == "itself"}
    strangers = any(row.brp and row.brp not in brps for row in context.facts.register.connections)
    expected = len(alone) + (strangers or len(alone) < len(brps)) if alone else 0
    if expected < 2 and not groups.name:
        return
    due, together = _due(context), [name for name in groups.name if name not in alone]
    if len(groups.name) != expected or not alone <= set(groups.name):
        yield f"case: balances {list(groups.name)}, but {sorted(alone)} are balanced by themselves"
        return
    wrong = []
    for place, name in enumerate(UNIT_CLASSES):
        for resource, group in zip(context.names.get(name, ()), groups.of_units[place].tolist(), strict=True):
            brp = due.get(resource, "")
            if groups.name[group] != (brp if brp in alone else next(iter(together), brp)):
                wrong.append(f"case, {resource}: is balanced with {groups.name[group]}, its BRP is {brp or 'unknown'}")
    yield from wrong[:SHOWN]
    yield from _limits(context)
    yield from _trades(context, alone)
    yield from _kept(context)


def _due(context: AuditContext) -> dict[str, str]:
    """Return resource → its BRP: that of its connection, or the first in the settings."""
    first = next((brp.name for brp in context.facts.brps), "")
    of_connection = {row.address: row.brp for row in context.facts.register.connections}
    return {row.resource: of_connection.get(row.connection) or first for row in context.facts.register.resources}


def _limits(context: AuditContext) -> Iterator[str]:
    """Yield limits of which the groups together have more than the portfolio."""
    case, groups = context.case, context.case.balancing_groups
    for what, mine, whole in (
        ("buy day-ahead", groups.max_buy_kw, case.day_ahead.max_buy_kw),
        ("sell day-ahead", groups.max_sell_kw, case.day_ahead.max_sell_kw),
        ("buy intraday", groups.buy_depth_kw, case.intraday.buy_depth_kw),
        ("sell intraday", groups.sell_depth_kw, case.intraday.sell_depth_kw),
    ):
        more = (np.sum(mine, axis=0) - whole)[None, :]
        yield from beyond(["balancing groups"], f"may {what} more than the portfolio", more, 1e-6 * (1 + whole), "kW")


def _trades(context: AuditContext, alone: set[str]) -> Iterator[str]:
    """Compare what each group has traded with the trades that were made for its BRPs."""
    groups, day, first = context.case.balancing_groups, context.day, next(iter(context.facts.brps)).name
    found = {name: np.zeros(day.isps) for name in groups.name}
    pool = next((name for name in groups.name if name not in alone), groups.name[0])
    for trade in context.facts.trades:
        brp, begins = trade.brp or first, day.since(trade.start)
        inside = (day.begins >= begins) & (day.begins < begins + trade.minutes)
        found[brp if brp in alone else pool][inside] += 1000 * trade.mw
    yield from differences(
        [f"balancing group {name}" for name in groups.name], "traded_kw", groups.traded_kw,
        np.array(list(found.values())),
    )  # fmt: skip


def _kept(context: AuditContext) -> Iterator[str]:
    """Yield fixed positions that have moved differently from the total since the plan in force."""
    groups, before = context.case.balancing_groups, context.facts.previous.groups
    if not all(name in before for name in groups.name):
        return
    names = [f"balancing group {name}" for name in groups.name]
    told = _told(context)
    for what, now, held in (
        ("day-ahead", groups.day_ahead_kw, [before[name].day_ahead_kw for name in groups.name]),
        ("intraday", groups.intraday_kw, [np.where(told, 0.0, before[name].intraday_kw) for name in groups.name]),
    ):
        moved, whole = now - np.array(held), np.sum(now, axis=0) - np.sum(held, axis=0)
        against = np.maximum(np.abs(moved) - np.abs(whole), 0.0)  # none moves more than all together, nor against it
        against = np.where(moved * whole < -_KW, np.abs(moved), against)
        words = f"{what} position moved away from that of the plan in force"
        yield from beyond(names, words, np.where(np.isnan(now), 0.0, against), 1e-5 * (1 + np.abs(held)), "kW")


def _told(context: AuditContext) -> Floats:
    """Return where (T,) trades were reported, or all are: what plans would have traded no longer counts there."""
    found = np.full(context.day.isps, context.facts.markets.intraday.trades_reported)
    for trade in context.facts.trades:
        begins = context.day.since(trade.start)
        found |= (context.day.begins >= begins) & (context.day.begins < begins + trade.minutes)
    return found
