"""Reservations, reserve and balancing groups of small cases, for tests of `models`."""

from dataclasses import replace

import numpy as np

from models.case import UNIT_CLASSES, BalancingGroups, Direction, Reservations, Reserve
from tests.models.case_arrays import NAN, one, row


def balanced(case, *groups, **of_units):
    """Return the case with balancing groups: name, and its share of all limits and positions, or these themselves.

    Keyword arguments are classes with the group of each of their units; all others are in the first.
    """
    shape, market, trade = (1, case.isps), case.day_ahead, case.intraday
    whole = {
        "max_buy_kw": market.max_buy_kw, "max_sell_kw": market.max_sell_kw, "day_ahead_kw": market.committed_kw,
        "buy_depth_kw": trade.buy_depth_kw, "sell_depth_kw": trade.sell_depth_kw, "intraday_kw": trade.committed_kw,
        "traded_kw": trade.traded_kw if trade.traded_kw.size else np.zeros(case.isps),
    }  # fmt: skip
    rows = [{"share": 1 / len(groups)} | one for one in groups]
    units = {name: np.zeros(len(case.units(name).point), dtype=np.int64) for name in UNIT_CLASSES}
    units |= {name: np.array(values, dtype=np.int64) for name, values in of_units.items()}
    shared = {
        name: np.concatenate([np.broadcast_to(one.get(name, one["share"] * kw), shape) for one in rows])
        for name, kw in whole.items()
    }
    table = BalancingGroups(
        name=tuple(one.get("name", f"brp-{i}") for i, one in enumerate(rows)),
        of_units=tuple(units[name] for name in UNIT_CLASSES), **shared,
    )  # fmt: skip
    return replace(case, balancing_groups=table)


def reservation(isps, reserved_kw, *, name="option", point=0, penalty=2000.0, fee=0.0, fee_only_kw=0.0):
    return Reservations(
        name=(name,),
        point=np.array([point]),
        reserved_kw=row(reserved_kw, isps),
        penalty_eur_per_mwh=one(penalty),
        availability_eur_per_mw_h=one(fee),
        fee_only_kw=row(fee_only_kw, isps),
    )


def reserve(
    isps,
    price,
    *,
    name="fcr",
    direction=Direction.UP,
    block=0,
    minimum_mw=0.0,
    step_mw=0.001,
    max_mw=100.0,
    sustain_h=0.0,
    committed_mw=NAN,
    shortfall=5000.0,
    award=(),
):
    prices = np.atleast_1d(np.asarray(price, dtype=np.float64))
    return Reserve(
        name=name,
        direction=direction,
        price_eur_per_mw=prices,
        block=np.broadcast_to(np.asarray(block, dtype=np.int64), (isps,)).copy(),
        minimum_mw=minimum_mw,
        step_mw=step_mw,
        max_mw=np.broadcast_to(float(max_mw), prices.shape).copy(),
        sustain_h=sustain_h,
        committed_mw=np.broadcast_to(np.asarray(committed_mw, dtype=np.float64), prices.shape).copy(),
        shortfall_eur_per_mwh=shortfall,
        award_probability=np.array(award, dtype=np.float64),
    )
