"""What finished programs cost customers at their connections. Source: docs/reference/formulation.md §3.9."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from models.block import per_point
from models.case import NO_TARIFF, UNIT_CLASSES, Case, ConnectionTariffs, Floats, Ints
from models.outcome import Outcome, ProgramValues

TERM, PEAK_TERM, WORSE_TERM = "connection tariff", "peak charge", "customer worse off"
_AS_A_PROMISE_EUR_PER_MWH = 10.0
"""Where a MWh raises the bill of a customer that is worse off by this, it costs as much as a MWh missed of a promise,
see `eased`. Larger: customers count for less beside promises."""


def placed_eur(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return what customers earn (negative: pay) per congestion point (C+1,), for energy and for peaks."""
    tariffs = case.connection_tariffs
    if not len(tariffs.name):
        return {}
    found = {TERM: per_point(case, tariffs.point, answer.tariff_eur)}
    if len(tariffs.peak_at):
        found[PEAK_TERM] = per_point(case, tariffs.point[tariffs.peak_at], peaks_eur(case, answer.peak_kw))
    if len(tariffs.least_eur):
        found[WORSE_TERM] = per_point(case, tariffs.point, -tariffs.worse_off_price * worse_off_eur(case, answer))
    return found


def worse_off_eur(case: Case, answer: ProgramValues) -> Floats:
    """Return by how much each customer (N,) pays more than was asked for, EUR; none where nobody has asked."""
    least = case.connection_tariffs.least_eur
    return np.maximum(least - _earned_eur(case, answer), 0.0) if len(least) else np.zeros(0)


def _earned_eur(case: Case, answer: ProgramValues | Outcome) -> Floats:
    """Return what each customer (N,) earns in all (negative: pays), EUR."""
    earned: Floats = answer.tariff_eur.copy()
    np.add.at(earned, case.connection_tariffs.peak_at, peaks_eur(case, answer.peak_kw))
    return earned


def eased(case: Case, planned: Outcome, eur_per_mwh: float) -> dict[str, ConnectionTariffs]:
    """Return tariffs with which no customer may be worse off than in the plan; nothing where nobody has asked."""
    tariffs = case.connection_tariffs
    if not len(tariffs.least_eur):
        return {}
    least = np.minimum(tariffs.least_eur, _earned_eur(case, planned))
    return {
        "connection_tariffs": replace(tariffs, least_eur=least, worse_off_price=eur_per_mwh / _AS_A_PROMISE_EUR_PER_MWH)
    }


def energy_eur(case: Case, drawn_kw: Floats) -> Floats:
    """Return what each connection (N,) earns with its tariff, EUR, given what it draws (N,T), kW."""
    tariffs, mwh = case.connection_tariffs, case.isp_hours / 1000
    paid = np.maximum(drawn_kw, 0.0) * tariffs.import_eur_per_mwh
    earned = np.maximum(-drawn_kw, 0.0) * tariffs.export_eur_per_mwh
    return np.asarray((earned - paid).sum(axis=1) * mwh)


def peaks_kw(case: Case, drawn_kw: Floats) -> Floats:
    """Return the highest import (P,), kW, of each peak charge, at least the peak reached before.

    drawn_kw (N,T): by each connection with a tariff.
    """
    tariffs = case.connection_tariffs
    inside = np.where(tariffs.peak_inside, drawn_kw[tariffs.peak_at], -np.inf)
    return np.asarray(np.maximum(inside.max(axis=1, initial=-np.inf), tariffs.peak_reached_kw))


def peaks_eur(case: Case, peak_kw: Floats) -> Floats:
    """Return what each peak charge earns at its peak, peak_kw (P,): (P,), EUR, never above zero."""
    tariffs = case.connection_tariffs
    return np.asarray(-tariffs.peak_eur_per_kw * (peak_kw - tariffs.peak_reached_kw))


def paying_units(case: Case) -> Iterator[tuple[str, Ints, Ints]]:
    """Yield each class with the positions (n,) of its units behind a tariff, and the connection of each (n,)."""
    for name in UNIT_CLASSES:
        of = case.tariff(name)
        units = np.flatnonzero(of != NO_TARIFF)
        if len(units):
            yield name, units, of[units]


def fields(case: Case, drawn_kw: Floats) -> dict[str, Any]:
    """Return the fields of ProgramValues that follow from what connections draw (N,T), kW; none without tariffs."""
    if not len(case.connection_tariffs.name):
        return {}
    return {"tariff_eur": energy_eur(case, drawn_kw), "peak_kw": peaks_kw(case, drawn_kw)}
