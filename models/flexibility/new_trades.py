"""A congestion point's case in which everything planned is a fact, and whatever changes is a new trade.

No shortfall may rise: what is short in the plan is taken for granted, and more of it costs more than any promise is
worth. Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from models.block import reserved_points
from models.case import BalancingGroups, Bools, Case, FixedRemainder, Floats
from models.connection_costs import bills
from models.flexibility.question import Question
from models.objective import MISSED
from models.outcome import Outcome
from models.resources.registry import PRICED
from models.resources.totals import held_kw

HARD_EUR_PER_MWH = 100_000.0
"""Price of a shortfall that the plan does not have: above any price of energy, so that none is ever traded."""
PROMISE_EUR_PER_MWH = 5_000.0
"""Price of what is not delivered of an offer: above any price of energy, and a twentieth of a new shortfall's."""
_WORSE_OFF = 10_000.0
"""Price, EUR per EUR, of what a customer pays beyond what it may: more than a promise is worth wherever a MWh changes
the customer's bill by 0.5 EUR or more."""
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
    hard = np.full(case.isps, HARD_EUR_PER_MWH)
    return replace(
        case,
        balancing_groups=_groups(question, open_isps),
        day_ahead=replace(case.day_ahead, committed_kw=planned.day_ahead_kw),
        intraday=replace(
            market, buy_depth_kw=np.where(open_isps, buy, 0.0), sell_depth_kw=np.where(open_isps, sell, 0.0),
            committed_kw=np.full(case.isps, np.nan), traded_eur=0.0,
            traded_kw=market.known_kw + net + planned.short_kw - planned.long_kw,
        ),
        imbalance=replace(case.imbalance, short_eur_per_mwh=hard, long_eur_per_mwh=hard),
        reserves=tuple(
            replace(reserve, committed_mw=bids, shortfall_eur_per_mwh=HARD_EUR_PER_MWH)
            for reserve, bids in zip(case.reserves, planned.bids_mw, strict=True)
        ),
        remainder=_remainder(case, planned),
        anchor=None,
        start=None,
        storage=replace(
            case.storage,
            shortfall_eur_per_kwh=np.maximum(case.storage.shortfall_eur_per_kwh, HARD_EUR_PER_MWH / 1000),
        ),
        switched=replace(
            case.switched, shortfall_eur=np.maximum(case.switched.shortfall_eur, HARD_EUR_PER_MWH / 1000)
        ),
        limits=replace(
            case.limits,
            import_kw=case.limits.import_kw + planned.breach_import_kw,
            export_kw=case.limits.export_kw - planned.breach_export_kw,
            penalty_eur_per_mwh=_hard(case.limits.penalty_eur_per_mwh),
        ),
        reservations=replace(
            case.reservations,
            reserved_kw=_less(case.reservations.reserved_kw, planned.reservation_shortfall_kw),
            penalty_eur_per_mwh=_hard(case.reservations.penalty_eur_per_mwh),
            availability_eur_per_mw_h=np.zeros_like(case.reservations.availability_eur_per_mw_h),
        ),
        **_eased(case, planned),
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


def _hard(prices: Floats) -> Floats:
    return np.full_like(prices, HARD_EUR_PER_MWH)


def _less(reserved_kw: Floats, by_kw: Floats) -> Floats:
    """Return reservations (K,T), kW, that are smaller by this much, but never beyond zero."""
    left: Floats = np.sign(reserved_kw) * np.maximum(np.abs(reserved_kw) - by_kw, 0.0)
    return left


def without(case: Case, reservation: str, volume_kw: Floats) -> Case:
    """Return the case in which an offer of volume_kw (T,) has used up a part of a contract's reservation."""
    mine = np.array([name == reservation for name in case.reservations.name], dtype=np.bool_)
    used = np.where(
        mine[:, None] & (np.sign(case.reservations.reserved_kw) == np.sign(volume_kw)), np.abs(volume_kw), 0
    )
    left = _less(case.reservations.reserved_kw, used)
    return replace(case, reservations=replace(case.reservations, reserved_kw=left))


def _eased(case: Case, planned: Outcome) -> dict[str, Any]:
    """Return the promises to customers and DSOs, eased by what is missed already, with a hard price on missing more."""
    limits, orders, tariffs = case.connection_limits, case.orders, case.connection_tariffs
    found: dict[str, Any] = {}
    if len(tariffs.least_eur):
        earned = bills(case, planned.tariff_eur, planned.peak_kw).total_eur
        found["connection_tariffs"] = replace(
            tariffs, least_eur=np.minimum(tariffs.least_eur, earned), worse_off_price=_WORSE_OFF
        )
    if len(limits.name):
        found["connection_limits"] = replace(
            limits,
            import_kw=limits.import_kw
            + np.maximum(planned.connection_import_breach_kw, planned.called_connection_import_breach_kw),
            export_kw=limits.export_kw
            - np.maximum(planned.connection_export_breach_kw, planned.called_connection_export_breach_kw),
            penalty_eur_per_mwh=_hard(limits.penalty_eur_per_mwh),
        )
    if len(orders.name):
        found["orders"] = replace(
            orders, least_kw=orders.least_kw - planned.order_shortfall_kw,
            most_kw=orders.most_kw + planned.order_shortfall_kw, penalty_eur_per_mwh=_hard(orders.penalty_eur_per_mwh),
        )  # fmt: skip
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
