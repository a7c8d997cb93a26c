"""What keeps an offer from being larger, in words: constraints with a price where less is delivered than asked for.

Source: docs/explanation/flexibility-offers.md.
"""

import numpy as np

from models.arrays import Bools, Floats
from models.case import Case
from models.connection_costs import bills
from models.flexibility.new_trades import HARD_EUR_PER_MWH, PROMISE_EUR_PER_MWH
from models.flexibility.question import Room
from models.outcome import Outcome

_PRICED = PROMISE_EUR_PER_MWH / 20
"""A shadow price above this, EUR/MWh, is that of the promise, not of energy."""
_KW, _EUR = 2e-3, 1e-4


def binding(case: Case, most: Outcome, room: Room, deliverable_kw: Floats) -> tuple[str, ...]:
    """Return the limits that bind in the program that delivers the most, deliverable_kw (T,), in words.

    The case of `most` has hard shortfalls, so that shadow prices tell promises from energy.
    """
    short = room.requested & (np.abs(room.asked_kw) - np.abs(deliverable_kw) > _KW)
    if not short.any():
        return ()
    shadow, found = most.shadow, []
    rules: tuple[tuple[str, Floats | Bools], ...] = (
        ("the depth of the intraday market that other offers and the plan leave", _beyond_depth(case, most)),
        ("reserve that is sold", shadow.reserve_eur_per_mw > _PRICED),
        ("FlexOptions that are reserved", shadow.reservation_eur_per_mwh > _PRICED),
        ("limits of the congestion point", shadow.limit_import_eur_per_mwh > _PRICED),
        ("limits of the congestion point", shadow.limit_export_eur_per_mwh > _PRICED),
        ("limits of connections", shadow.connection_import_eur_per_mwh > _PRICED),
        ("limits of connections", shadow.connection_export_eur_per_mwh > _PRICED),
        ("what customers may pay at most", _at_most(case, most)),
        ("the room that the DSO leaves in other ISPs", _room_full(most, room)),
    )
    for words, where in rules:
        if np.any(where) and words not in found:
            found.append(words)
    return tuple(found) or ("the power and energy of the resources there",)


def _beyond_depth(case: Case, most: Outcome) -> Bools:
    """Return where (T,) a balancing group trades all it could, and a kW more would have to be imbalance."""
    bought, prices = most.group_intraday_kw, np.abs(most.shadow.group_balance_eur_per_mwh)
    if not case.balancing_groups.name:
        bought = (most.intraday_buy_kw - most.intraday_sell_kw)[None]
        prices = np.abs(most.shadow.balance_eur_per_mwh)[None]
    result = np.zeros(case.isps, dtype=np.bool_)
    for markets, net, price in zip(case.energy_markets(), bought, prices, strict=True):
        depth = markets.intraday
        full = (np.maximum(net, 0.0) >= depth.buy_depth_kw - _KW) | (np.maximum(-net, 0.0) >= depth.sell_depth_kw - _KW)
        result |= full & (price > _PRICED) & (price <= HARD_EUR_PER_MWH)
    return result


def _at_most(case: Case, most: Outcome) -> Bools:
    """Return whether each customer (N,) pays all that it may pay."""
    least = case.connection_tariffs.least_eur
    if not len(least):
        return np.zeros(0, dtype=np.bool_)
    pays: Bools = bills(case, most.tariff_eur, most.peak_kw).total_eur <= least + _EUR
    return pays


def _room_full(most: Outcome, room: Room) -> Bools:
    """Return where (T,) the program fills the room outside the requested ISPs; everywhere if there is none at all."""
    power, free = most.point_kw[0] - room.baseline_kw, ~room.requested
    above, below = free & (room.most_kw > 0), free & (room.least_kw < 0)
    full: Bools = (above & (power >= room.most_kw - _KW)) | (below & (power <= room.least_kw + _KW))
    return full if (above | below).any() else np.ones_like(full)
