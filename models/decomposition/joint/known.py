"""Bounds of what connections cost at prices of the portfolio, proven by known prices of what their devices share.

Any prices of what is shared prove a bound. At nearby prices of the portfolio, those of the last answer prove nearly the
best one; that takes one best response of each device, and no joint answer.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats
from models.decomposition.joint.connections import JointConnections
from models.decomposition.joint.shared import NotedPrices, Shared
from models.resources.storage.response import StorageResponder
from models.response import Prices, Rows


def bounds_at(
    joint: JointConnections, s: Shared, noted: NotedPrices, stores: StorageResponder, prices: Prices, rows: Rows,
    count: int,
) -> Floats:  # fmt: skip
    """Return bounds (count,), EUR, one for each total of the connections asked; the totals of others mean nothing.

    `rows` are those of the connections (M,).
    """
    bound, power = _bounds_and_prices(joint, s, noted, prices.power_eur_per_kw[rows.power])
    held = _rewards(joint, s, noted, prices.held_eur_per_kw[rows.held])
    solar_at, store_at = (np.repeat(np.arange(joint.count), np.diff(at)) for at in (joint.solar_at, joint.store_at))
    seen = power[solar_at]
    found = np.where(s.solar_eur[:, None] + seen >= 0.0, s.solar_kw, 0.0)
    found = np.where(np.isnan(s.solar_pinned_kw), found, s.solar_pinned_kw)
    np.add.at(bound, solar_at, (seen * found + s.solar_eur[:, None] * (found - s.solar_kw)).sum(axis=1))
    of_stores = Rows(power=store_at, held=store_at, total=rows.total[store_at])
    if rows.asked is not None:
        wanted = np.zeros(count, dtype=np.bool_)
        wanted[rows.asked.total] = True
        of_stores = of_stores.of(wanted)
    totals = stores.respond(Prices(power_eur_per_kw=power, held_eur_per_kw=held), of_stores, count).bound_eur.copy()
    np.add.at(totals, rows.total, bound)
    return totals


def _bounds_and_prices(
    joint: JointConnections, s: Shared, noted: NotedPrices, power: Floats
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return what the prices within add to the bound (M,), EUR, and the price of power (M,T) that devices see."""
    bound, power = np.zeros(joint.count), power.copy()
    at = np.repeat(np.arange(joint.count), np.diff(joint.limit_at))
    np.add.at(power, at, noted.imports - noted.exports)
    for price, room in ((noted.imports, s.import_room_kw), (noted.exports, s.export_room_kw)):
        np.subtract.at(bound, at, (price * np.where(price > 0.0, room, 0.0)).sum(axis=1))
    paying = np.flatnonzero(s.tariff_of >= 0)
    more = s.linear_eur + noted.kink
    peak_of = np.repeat(np.arange(joint.count), np.diff(s.peak_at))
    np.add.at(more, s.tariff_of[peak_of], noted.peaks)
    np.subtract.at(bound, peak_of, noted.peaks.sum(axis=1) * s.peak_reached_kw)
    power[paying] += more[s.tariff_of[paying]]
    bound[paying] += (more * s.fixed_kw).sum(axis=1)[s.tariff_of[paying]]
    return bound, power


def _rewards(joint: JointConnections, s: Shared, noted: NotedPrices, held: Floats) -> Floats:
    """Return the rewards (M,R,T) that devices see: reserve counts at limits as if it were called."""
    at = np.repeat(np.arange(joint.count), np.diff(joint.limit_at))
    for r in range(held.shape[1]):
        np.subtract.at(held[:, r], at, s.down[r] * noted.imports + s.up[r] * noted.exports)
    return np.maximum(held, 0.0)
