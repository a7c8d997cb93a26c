"""Tariffs and peak charges at connections, added up per connection and ISP. Pure."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agr.domain.errors import PlanError
from agr.domain.register import ConnectionTariff, in_window, valid_on
from agr.planning.case import fixed
from agr.planning.case.inputs import Inputs
from models.case import NO_POINT, NO_TARIFF, UNIT_CLASSES, Case, ConnectionTariffs, no_connection_tariffs

Ints = NDArray[np.int64]

MOST_UNITS = 2_000
"""Most units of a portfolio in which no customer may be worse off than unmanaged: the condition needs one plan of the
whole portfolio."""
_TOLERANCE_EUR = 0.005


def connection_tariffs(
    inputs: Inputs, names: Mapping[str, tuple[str, ...]], points: Mapping[str, Ints]
) -> ConnectionTariffs:
    """Return the tariffs of a Period, given the resources and the congestion points of the units of every class.

    Connections without a resource have none: nothing is drawn there. Equal peaks of one connection stay apart.
    """
    day, place_of = inputs.period.day, inputs.register.connection_of()
    rows: dict[str, list[ConnectionTariff]] = {}
    for row in inputs.register.connection_tariffs:
        if valid_on(row, day):
            rows.setdefault(row.connection, []).append(row)
    if not rows:
        return no_connection_tariffs()
    at = {name: [place_of[unit] for unit in units] for name, units in names.items()}
    paying = sorted({place for places in at.values() for place in places if place in rows})
    if not paying:
        return no_connection_tariffs()
    number = {place: i for i, place in enumerate(paying)}
    of_units = {
        name: np.array([number.get(place, NO_TARIFF) for place in at[name]], dtype=np.int64) for name in UNIT_CLASSES
    }
    point = np.full(len(paying), NO_POINT)
    for name, of in of_units.items():
        behind = of != NO_TARIFF
        point[of[behind]] = points[name][behind]
    isps = inputs.period.isp_count
    imports, exports = np.zeros((len(paying), isps)), np.zeros((len(paying), isps))
    peaks: list[tuple[int, ConnectionTariff, NDArray[np.bool_]]] = []
    for place, i in number.items():
        for row in rows[place]:
            inside = np.array(in_window(inputs.period, row.window_start, row.window_end))
            imports[i, inside] += row.import_eur_per_mwh
            exports[i, inside] += row.export_eur_per_mwh
            if row.peak_eur_per_kw > 0:
                peaks.append((i, row, inside))
    reached, unmanaged = (
        np.array([max(row.peak_reached_kw, known.get(row, 0.0)) for _, row, _ in peaks], dtype=float)
        for known in (inputs.peaks_reached_kw, {**inputs.peaks_reached_kw, **inputs.unmanaged_peaks_reached_kw})
    )
    return ConnectionTariffs(
        name=tuple(paying),
        point=point,
        import_eur_per_mwh=imports,
        export_eur_per_mwh=exports,
        peak_at=np.array([i for i, _, _ in peaks], dtype=np.int64),
        peak_eur_per_kw=np.array([row.peak_eur_per_kw for _, row, _ in peaks], dtype=float),
        peak_reached_kw=reached,
        unmanaged_reached_kw=unmanaged if (unmanaged != reached).any() else unmanaged[:0],
        peak_inside=np.array([inside for *_, inside in peaks], dtype=np.bool_).reshape(len(peaks), isps),
        of_units=tuple(of_units[name] for name in UNIT_CLASSES),
    )


def none_worse_off(case: Case) -> Case:
    """Return the case in which no customer is to pay more than if nobody steered its devices from now on.

    Raises PlanError for a portfolio that is too large to be planned as a whole.
    """
    if not case.connection_tariffs.name:
        return case
    units = sum(len(case.units(name).point) for name in UNIT_CLASSES if name != fixed.CLASS.name)
    if units > MOST_UNITS:
        raise PlanError(
            f"planning.customers_worse_off = false is planned for up to {MOST_UNITS:,} resources at once, not for "
            f"{units:,}; set it to true, or leave tariffs to smaller portfolios"
        )
    from models.baseline import as_it_stands, unmanaged_programs
    from models.connection_costs import bills, tariff_fields

    alone = as_it_stands(case)
    paid = bills(alone, **tariff_fields(alone, unmanaged_programs(alone)))
    tariffs = replace(case.connection_tariffs, least_eur=paid.total_eur - _TOLERANCE_EUR)
    return replace(case, connection_tariffs=tariffs)
