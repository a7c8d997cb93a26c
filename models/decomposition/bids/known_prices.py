"""Dual prices of the couplings, made of an outcome's shadow prices; the inverse of dual_prices.shadow. Numpy only."""

from dataclasses import replace

import numpy as np

from models.case import Case, Floats
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.outcome import Outcome, Shadow

NO_PRICE = 1e-6
"""EUR per kW; equal prices may differ by this much because of a solver's tolerance."""


def prices_of(master: RestrictedMaster, outcome: Outcome) -> DualPrices:
    """Return the prices at which the outcome's program is nearly the best answer of all units; none on reserve."""
    case, points, places = master.case, master.grouping.priced_points, master.grouping.places
    per_kw, shadow = case.isp_hours / 1000, outcome.shadow
    program, call = np.zeros((len(case.points), case.isps)), np.zeros((len(case.points), case.isps))
    np.add.at(program, case.limits.point, (shadow.limit_import_eur_per_mwh - shadow.limit_export_eur_per_mwh) * per_kw)
    if case.anchor is not None:
        moved = np.sign(np.round(np.nan_to_num(outcome.point_kw - case.anchor.point_kw), 6))
        program += case.anchor.eur_per_mwh * per_kw * moved
    paid = -np.sign(case.reservations.reserved_kw) * shadow.reservation_eur_per_mwh * per_kw
    for row, point in enumerate(case.reservations.point.tolist()):  # contracts of one sign share a row, and its price
        call[point] = np.where(np.abs(paid[row]) > np.abs(call[point]), paid[row], call[point])
    none = np.zeros((len(case.reserves), case.isps))
    balances = shadow.group_balance_eur_per_mwh if case.balancing_groups.name else shadow.balance_eur_per_mwh[None]
    balance = np.array([_traded(case, one * per_kw) for one in balances])
    return master.within(
        DualPrices(
            balance=balance, program=program[points], call=call[points], reserve=none, called=none.copy(),
            connections=places.of_all(_at_limits(case, shadow, places.every)) * per_kw, places=places,
        )
    )  # fmt: skip


def _at_limits(case: Case, shadow: Shadow, sums: int) -> Floats:
    """Return the prices at all sums, EUR/MWh; those of called programs, tariffs and peaks are not known."""
    limits, result = len(case.connection_limits.name), np.zeros((2 * sums, case.isps))
    imports, exports = shadow.connection_import_eur_per_mwh, shadow.connection_export_eur_per_mwh
    if limits:
        result[:limits], result[sums : sums + limits] = imports, -exports
    return result


def _traded(case: Case, balance: Floats) -> Floats:
    """Return the balance's prices, made equal to products' prices where they nearly are: depth would count the rest."""
    products, result = case.energy_products(), balance.copy()
    for isps, *_ in products.each():
        missing = float(products.eur_per_mwh[isps].sum()) * case.isp_hours / 1000 - float(balance[isps].sum())
        if abs(missing) <= NO_PRICE * len(isps):
            result[isps] += missing / len(isps)
    return result


def evened(master: RestrictedMaster, prices: DualPrices) -> DualPrices:
    """Return the prices, with nearly equal ones of congestion points made the same: any prices give a bound.

    Units at such points can then be put together.
    """
    rows = np.concatenate([prices.program, prices.call], axis=1)
    left = list(range(len(rows)))
    while left:
        apart = np.abs(rows[left] - rows[left[0]]).sum(axis=1)
        alike = np.array(left)[apart <= master.tuning.bids.alike * np.abs(rows[left[0]]).sum()]
        rows[alike] = rows[alike].mean(axis=0)
        left = [row for row in left if row not in alike]
    isps = prices.program.shape[1]
    return master.within(replace(prices, program=rows[:, :isps], call=rows[:, isps:]))
