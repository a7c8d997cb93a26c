"""A congestion point's case in which everything planned is a fact, and whatever changes is a new trade.

No shortfall may rise: what is short in the plan is taken for granted, and more of it costs more than any promise is
worth. Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from models.block import reserved_points
from models.case import BalancingGroups, Bools, Case, FixedRemainder, Floats
from models.flexibility.question import Question
from models.markets.registry import MARKETS
from models.objective import MISSED
from models.outcome import Outcome
from models.resources.registry import PRICED, RESOURCES
from models.resources.totals import held_kw

HARD_EUR_PER_MWH = 100_000.0
"""Price of a shortfall that the plan does not have: above any price of energy, so that none is ever traded."""
PROMISE_EUR_PER_MWH = 5_000.0
"""Price of what is not delivered of an offer: above any price of energy, and a twentieth of a new shortfall's."""
_KW = 1e-6
"""Rounding of the plan's own sums."""
MONEY_APART = MISSED | {"prognosis change", "availability", "customer worse off"}
"""Terms that are no cost of an offer: shortfalls, which may not rise, planning prices, and what is paid anyway."""


def with_new_trades(question: Question) -> Case:
    """Return the point's case: positions, bids and reserve as planned, intraday depth that is left, hard shortfalls."""
    case, planned = question.part, question.planned
    market = case.intraday
    net = planned.intraday_buy_kw - planned.intraday_sell_kw
    open_isps = np.isnan(market.committed_kw)
    buy = np.maximum(market.buy_depth_kw - np.maximum(net, 0.0) - question.buy_taken_kw, 0.0)
    sell = np.maximum(market.sell_depth_kw - np.maximum(-net, 0.0) - question.sell_taken_kw, 0.0)
    return replace(
        case,
        balancing_groups=_groups(question, open_isps),
        day_ahead=replace(case.day_ahead, committed_kw=planned.day_ahead_kw),
        intraday=replace(
            market, buy_depth_kw=np.where(open_isps, buy, 0.0), sell_depth_kw=np.where(open_isps, sell, 0.0),
            committed_kw=np.full(case.isps, np.nan), traded_eur=0.0,
            traded_kw=market.known_kw + net + planned.short_kw - planned.long_kw,
        ),
        remainder=_remainder(case, planned),
        anchor=None,
        start=None,
        **_promises(case, planned),
    )  # fmt: skip


def _groups(question: Question, open_isps: Bools) -> BalancingGroups:
    """Return the balancing groups with their positions as planned, and the depth that is left to each."""
    groups, planned = question.part.balancing_groups, question.planned
    if not groups.name:
        return groups
    net = planned.group_intraday_kw
    left = groups.less_depth(question.buy_taken_kw + np.maximum(net, 0.0), question.sell_taken_kw + np.maximum(-net, 0))
    left = replace(
        left, buy_depth_kw=np.where(open_isps, left.buy_depth_kw, 0.0),
        sell_depth_kw=np.where(open_isps, left.sell_depth_kw, 0.0),
    )  # fmt: skip
    return left.planned(planned.group_day_ahead_kw, net + planned.group_imbalance_kw)


def taken_over(case: Case, volume_kw: Floats) -> Case:
    """Return the case in which somebody else trades volume_kw (T,): it is bought for the balancing groups at the point.

    Each gets a share in proportion to how far its units can change their power.
    """
    groups = case.balancing_groups
    traded = replace(case.intraday, traded_kw=case.intraday.known_kw + volume_kw)
    if not groups.name:
        return replace(case, intraday=traded)
    reach = np.zeros(len(groups.name))
    for one in PRICED:
        units = np.arange(one.count(case))
        low, high = one.range_kw(case, units)
        np.add.at(reach, case.balanced_in(one.name), (high - low).max(axis=1, initial=0.0))
    share = reach / reach.sum() if reach.sum() > 0 else np.full(len(reach), 1 / len(reach))
    groups = replace(groups, traded_kw=groups.traded_kw + share[:, None] * volume_kw)
    return replace(case, intraday=traded, balancing_groups=groups)


def without(case: Case, reservation: str, volume_kw: Floats) -> Case:
    """Return the case in which an offer of volume_kw (T,) has used up a part of a contract's reservation."""
    mine = np.array([name == reservation for name in case.reservations.name], dtype=np.bool_)
    used = np.where(
        mine[:, None] & (np.sign(case.reservations.reserved_kw) == np.sign(volume_kw)), np.abs(volume_kw), 0
    )
    return replace(case, reservations=case.reservations.less(used))


def _promises(case: Case, planned: Outcome) -> dict[str, Any]:
    """Return the fields with what is promised on markets, to customers and to DSOs, and a hard price on missing more.

    Resources keep their needs, also those that the plan misses: with and without the offer these cost the same.
    """
    found: dict[str, Any] = {}
    for market in MARKETS:
        found |= {} if market.eased is None else market.eased(case, planned, HARD_EUR_PER_MWH)
    for one in RESOURCES:
        found |= {} if one.guarded is None else {one.name: one.guarded(case, HARD_EUR_PER_MWH / 1000)}
    return found


def _remainder(case: Case, planned: Outcome) -> FixedRemainder:
    """Return a remainder that leaves to the point the reserve that it holds now for a bid, planned and called.

    What units hold beyond a bid, or where there is none, is owed to nobody.
    """
    bids = np.zeros((len(case.reserves), case.isps))
    for r, (reserve, mw) in enumerate(zip(case.reserves, planned.bids_mw, strict=True)):
        inside = reserve.block >= 0
        bids[r, inside] = 1000 * mw[reserve.block[inside]]
    called = planned.called_headroom if reserved_points(case).any() else None
    elsewhere = case.remainder is not None and case.remainder.called_held_kw is not None
    now = held_kw(case, planned.headroom)
    then = now if called is None else held_kw(case, called)
    return FixedRemainder(
        held_kw=np.maximum(bids - now, 0.0) + _KW,
        called_held_kw=np.maximum(bids - then, 0.0) + _KW if elsewhere or called is not None else None,
        terms_eur={},
        bids_mw=planned.bids_mw,
    )
