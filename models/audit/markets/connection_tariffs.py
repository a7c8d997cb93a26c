"""Audits tariffs: what every connection draws in a plan, what it pays for it, and its highest import.

Import is Σ p above 0 of all units behind a connection, export what is below; each has its price. A peak charge counts
every kW of the highest import within its window above what was reached before. Called programs are charged to nobody.
"""

import numpy as np

from models.audit.findings import above, named, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.resources.registry import CLASSES
from models.audit.scenario import by_point, mwh
from models.case import NO_TARIFF, UNIT_CLASSES, Case, Floats
from models.outcome import Outcome

_ENERGY, _PEAK, _WORSE = "connection tariff", "peak charge", "customer worse off"
_CENT = 1e-4  # EUR, of one connection and Period


def _check(case: Case, outcome: Outcome) -> Findings:
    tariffs = case.connection_tariffs
    if not len(tariffs.name):
        return
    drawn = _drawn(case, outcome)
    due = _due_eur(case, drawn)
    moved = mwh(
        case, np.abs(drawn) * np.maximum(np.abs(tariffs.import_eur_per_mwh), np.abs(tariffs.export_eur_per_mwh))
    )
    allowed = _CENT + 1e-7 * moved.sum(axis=1)
    connections = named("connection", tariffs.name)
    yield from above(
        (connections,), "tariff_eur is not what it pays, wrong", np.abs(outcome.tariff_eur - due), allowed, "EUR"
    )
    peaks = named("peak charge at", tuple(tariffs.name[at] for at in tariffs.peak_at.tolist()))
    highest = _highest(case, drawn)
    wrong = np.abs(outcome.peak_kw - highest)
    yield from above((peaks,), "peak_kw is not its highest import, wrong", wrong, slack(outcome.peak_kw, highest))


def _drawn(case: Case, outcome: Outcome) -> Floats:
    """Return what each connection draws (N,T), kW."""
    tariffs = case.connection_tariffs
    total = np.zeros((len(tariffs.name), case.isps))
    for of_class in CLASSES:
        place = UNIT_CLASSES.index(of_class.name)
        if place < len(tariffs.of_units):
            at = tariffs.of_units[place]
            behind = at != NO_TARIFF
            np.add.at(total, at[behind], of_class.power_kw(case, outcome.programs)[behind])
    return total


def _due_eur(case: Case, drawn: Floats) -> Floats:
    tariffs = case.connection_tariffs
    price = np.where(drawn > 0, tariffs.import_eur_per_mwh, tariffs.export_eur_per_mwh)
    return np.asarray(-mwh(case, drawn * price).sum(axis=1))


def _highest(case: Case, drawn: Floats) -> Floats:
    tariffs = case.connection_tariffs
    found = tariffs.peak_reached_kw.copy()
    for peak, at in enumerate(tariffs.peak_at.tolist()):
        inside = tariffs.peak_inside[peak]
        if inside.any():
            found[peak] = max(found[peak], drawn[at, inside].max())
    return found


def _eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    tariffs = case.connection_tariffs
    if not len(tariffs.name):
        return {}
    found = {_ENERGY: by_point(case, tariffs.point, outcome.tariff_eur)}
    paid = tariffs.peak_eur_per_kw * (outcome.peak_kw - tariffs.peak_reached_kw)
    if len(tariffs.peak_at):
        found[_PEAK] = by_point(case, tariffs.point[tariffs.peak_at], -paid)
    if len(tariffs.least_eur):
        bill = -outcome.tariff_eur + np.bincount(tariffs.peak_at, paid, len(tariffs.name))
        beyond = np.maximum(bill + tariffs.least_eur, 0.0)
        found[_WORSE] = by_point(case, tariffs.point, -tariffs.worse_off_price * beyond)
    return found


def _shapes(case: Case) -> dict[str, tuple[int, ...]]:
    tariffs = case.connection_tariffs
    return {"tariff_eur": (len(tariffs.name),), "peak_kw": (len(tariffs.peak_at),)} if len(tariffs.name) else {}


AUDIT = MarketAudit(
    name="connection_tariffs",
    check=_check,
    shapes=_shapes,
    placed_eur=_eur,
    payers=lambda _case: {_ENERGY: Payer.CUSTOMER, _PEAK: Payer.CUSTOMER, _WORSE: Payer.NOBODY},
)
