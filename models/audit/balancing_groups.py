"""Audits balancing groups: each balances its own units with positions of its own, which add up to the portfolio's."""

from collections.abc import Iterator, Mapping

import numpy as np

from models.audit.findings import above, differs, isp, named, slack
from models.audit.resources.registry import CLASSES
from models.audit.scenario import by_point, mwh
from models.case import UNIT_CLASSES, Case, Floats, Ints
from models.outcome import Outcome


def shapes(case: Case) -> Mapping[str, tuple[int, ...]]:
    """Return the shapes of the groups' fields of Outcome."""
    shape = (len(case.balancing_groups.name), case.isps) if case.balancing_groups.name else (0, 0)
    return dict.fromkeys(("group_day_ahead_kw", "group_intraday_kw", "group_imbalance_kw"), shape)


def shadow_shape(case: Case) -> tuple[int, ...]:
    """Return the shape of the groups' field of Shadow."""
    return (len(case.balancing_groups.name), case.isps) if case.balancing_groups.name else (0, 0)


def check_groups(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield groups whose positions are not allowed, or do not add up to their program or the portfolio's positions."""
    groups = case.balancing_groups
    if not groups.name:
        return
    day_ahead, intraday, imbalance = outcome.group_day_ahead_kw, outcome.group_intraday_kw, outcome.group_imbalance_kw
    axes = (named("balancing group", groups.name), isp)
    for what, parts, whole in (
        ("day_ahead_kw is not the sum of all groups", day_ahead, outcome.day_ahead_kw),
        ("intraday_buy_kw is not the sum of all groups", np.maximum(intraday, 0.0), outcome.intraday_buy_kw),
        ("intraday_sell_kw is not the sum of all groups", np.maximum(-intraday, 0.0), outcome.intraday_sell_kw),
        ("short_kw is not the sum of all groups", np.maximum(imbalance, 0.0), outcome.short_kw),
        ("long_kw is not the sum of all groups", np.maximum(-imbalance, 0.0), outcome.long_kw),
    ):
        yield from differs((isp,), what, whole, np.sum(parts, axis=0))
    free, open_isps = np.isnan(groups.day_ahead_kw), np.isnan(groups.intraday_kw)
    first = _first_of_product(case)
    rules = (
        ("day-ahead buys beyond its share", free, day_ahead - groups.max_buy_kw),
        ("day-ahead sells beyond its share", free, -day_ahead - groups.max_sell_kw),
        ("day-ahead position differs within its product", free, np.abs(day_ahead - day_ahead[:, first])),
        ("day-ahead position is not what is committed", ~free, np.abs(day_ahead - groups.day_ahead_kw)),
        ("intraday buys beyond its depth", open_isps, intraday - groups.buy_depth_kw),
        ("intraday sells beyond its depth", open_isps, -intraday - groups.sell_depth_kw),
        ("intraday position is not what is committed", ~open_isps, np.abs(intraday - groups.intraday_kw)),
    )
    for what, where, excess in rules:
        yield from above(axes, what, np.where(where, excess, 0.0), slack(day_ahead, intraday))
    prices = outcome.shadow
    apart = np.abs(prices.balance_eur_per_mwh - prices.group_balance_eur_per_mwh[0])
    what = "shadow.balance_eur_per_mwh is not that of the first group"
    yield from above((isp,), what, apart, 1e-6, "EUR/MWh")
    power, size = np.zeros((len(groups.name), case.isps)), np.zeros((len(groups.name), case.isps))
    for place, name in enumerate(UNIT_CLASSES):
        of_class = next(one for one in CLASSES if one.name == name)
        kw = of_class.power_kw(case, outcome.programs)
        np.add.at(power, groups.of_units[place], kw)
        np.add.at(size, groups.of_units[place], np.abs(kw))
    off = np.abs(day_ahead + intraday + groups.traded_kw + imbalance - power)
    yield from above(axes, "balance: the positions and imbalance are not the program,", off, slack(size))


def energy_eur(case: Case, outcome: Outcome) -> Floats:
    """Return the energy of each congestion point (C+1,), EUR, at the prices of the groups of its units."""
    total = np.zeros(len(case.points) + 1)
    prices, groups = outcome.shadow.group_balance_eur_per_mwh, case.balancing_groups
    for place, name in enumerate(UNIT_CLASSES):
        of_class = next(one for one in CLASSES if one.name == name)
        paid = -mwh(case, of_class.power_kw(case, outcome.programs)) * prices[groups.of_units[place]]
        total += by_point(case, case.units(name).point, paid.sum(axis=1))
    return total


def _first_of_product(case: Case) -> Ints:
    """Return the first free ISP (T,) of each ISP's day-ahead product; the ISP itself where it is committed."""
    market, first = case.day_ahead, np.arange(case.isps)
    free = np.isnan(market.committed_kw)
    for product in np.unique(market.product[free]).tolist():
        mine = free & (market.product == product)
        first[mine] = np.flatnonzero(mine)[0]
    return first
