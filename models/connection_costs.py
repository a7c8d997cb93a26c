"""What finished programs draw at connections with a tariff, what that costs customers, and where it is linear.

Numpy only. Source: docs/reference/formulation.md §3.9.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import slices
from models.case import Bools, Case, Floats, Ints, Programs
from models.markets.connection_tariffs.costs import fields, paying_units, peaks_eur
from models.resources.registry import BY_NAME, FIXED


def fixed_kw(case: Case) -> Floats:
    """Return the programs (N,T), kW, of fixed units at each connection with a tariff."""
    total = _nothing(case)
    for name, units, at in paying_units(case):
        if name == FIXED.name:
            np.add.at(total, at, FIXED.power_kw(case, units, {}))
    return total


def drawn_kw(case: Case, programs: Programs) -> Floats:
    """Return what each connection with a tariff draws (N,T), kW: all units behind it together."""
    total = _nothing(case)
    for name, units, at in paying_units(case):
        resource = BY_NAME[name]
        for few in slices(len(units)):
            np.add.at(total, at[few], resource.power_kw(case, units[few], programs.of(resource.fields, units[few])))
    return total


def tariff_fields(case: Case, programs: Programs) -> dict[str, Any]:
    """Return the fields of ProgramValues that say what customers pay; none where there are no tariffs."""
    return fields(case, drawn_kw(case, programs)) if len(case.connection_tariffs.name) else {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Bills:
    """What each connection with a tariff (N,) earns in a Period, EUR; negative: pays."""

    tariff_eur: Floats
    peak_eur: Floats
    peak_kw: Floats  # its highest import that any peak charge counts; 0 where it has none

    @property
    def total_eur(self) -> Floats:
        """Return both together (N,), EUR."""
        return self.tariff_eur + self.peak_eur


def bills(case: Case, tariff_eur: Floats, peak_kw: Floats) -> Bills:
    """Return the bills of all connections, given their energy (N,), EUR, and the levels of peak charges (P,), kW."""
    count, at = len(case.connection_tariffs.name), case.connection_tariffs.peak_at
    eur, highest = np.zeros(count), np.zeros(count)
    np.add.at(eur, at, peaks_eur(case, peak_kw))
    np.maximum.at(highest, at, peak_kw)
    return Bills(tariff_eur=tariff_eur, peak_eur=eur, peak_kw=highest)


@dataclass(frozen=True, kw_only=True)
class Paid:
    """What one customer pays in a Period beside the market's price, EUR; negative: earns."""

    tariff_eur: float
    peak_eur: float
    peak_kw: float  # its highest import that any peak charge counts; 0 where it has none


def paid_for(case: Case, connection: int, drawn_kw: Floats, *, unsteered: bool = False) -> Paid:
    """Return what one connection (index) with a tariff pays for what it draws (T,), kW; `unsteered`: unmanaged."""
    tariffs = case.connection_tariffs.unsteered() if unsteered else case.connection_tariffs
    imports, exports = tariffs.import_eur_per_mwh[connection], tariffs.export_eur_per_mwh[connection]
    price, eur, highest = np.where(drawn_kw > 0, imports, exports), 0.0, 0.0
    for peak in np.flatnonzero(tariffs.peak_at == connection):
        reached = float(tariffs.peak_reached_kw[peak])
        level = max(float(drawn_kw[tariffs.peak_inside[peak]].max(initial=0.0)), reached)
        eur += float(tariffs.peak_eur_per_kw[peak]) * (level - reached)
        highest = max(highest, level)
    energy = float((drawn_kw * price).sum()) * case.isp_hours / 1000
    return Paid(tariff_eur=energy, peak_eur=eur, peak_kw=highest)


def range_kw(case: Case) -> tuple[Floats, Floats]:
    """Return the least and the most (N,T), kW, that each connection can draw, whatever its units do."""
    low, high = _nothing(case), _nothing(case)
    for name, units, at in paying_units(case):
        for few in slices(len(units)):
            lowest, highest = BY_NAME[name].range_kw(case, units[few])
            np.add.at(low, at[few], lowest)
            np.add.at(high, at[few], highest)
    return low, high


@dataclass(frozen=True, kw_only=True, eq=False)
class TariffShape:
    """Tariffs as a linear cost of what a connection draws, kinks where it may turn from export to import, and peaks."""

    linear_eur_per_kw: Floats  # (N,T)
    kink_eur_per_kw: Floats  # (N,T) >= 0: what the slope rises by at 0 kW; 0 where it cannot get there
    level_low_kw: Floats  # (P,) the least level of each peak, whatever units do
    level_high_kw: Floats  # (P,) the most
    peak_binds: Bools  # (P,T) where import may be above the least level

    @property
    def kinked(self) -> Ints:
        """Return the connections (n,) whose cost has a kink in some ISP."""
        return np.flatnonzero((self.kink_eur_per_kw > 0).any(axis=1))


def tariff_shape(case: Case) -> TariffShape:
    """Return the shape of all tariffs, given what units can draw at most and at least.

    Where a connection can only import, its price is that of import; where it can only export, that of export. A peak
    that cannot rise above what was reached costs nothing.
    """
    tariffs, per_kw = case.connection_tariffs, case.isp_hours / 1000
    low, high = range_kw(case)
    imports = tariffs.import_eur_per_mwh.reshape(low.shape) * per_kw
    exports = tariffs.export_eur_per_mwh.reshape(low.shape) * per_kw
    turns = (low < 0) & (high > 0) & (imports > exports)
    at = tariffs.peak_at
    inside = tariffs.peak_inside.reshape(len(at), case.isps)
    reached = tariffs.peak_reached_kw
    least = np.maximum(np.where(inside, low[at], -np.inf).max(axis=1, initial=-np.inf), reached)
    most = np.maximum(np.where(inside, high[at], -np.inf).max(axis=1, initial=-np.inf), least)
    return TariffShape(
        linear_eur_per_kw=np.where((low >= 0) & (high > 0), imports, exports),
        kink_eur_per_kw=np.where(turns, imports - exports, 0.0),
        level_low_kw=least,
        level_high_kw=most,
        peak_binds=inside & (high[at] > least[:, None]) & (tariffs.peak_eur_per_kw > 0)[:, None],
    )


def _nothing(case: Case) -> Floats:
    return np.zeros((len(case.connection_tariffs.name), case.isps))
