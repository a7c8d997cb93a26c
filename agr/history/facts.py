"""What a plan earns, term by term, split as far as it can be told: by point, contract, connection and BRP. Pure.

Terms that a connection or a congestion point causes by itself (wear, availability, …) are its own. Energy is bought for
the whole portfolio; what each takes is valued at the plan's day-ahead price, and the rest of the day-ahead term stays
with the portfolio. A balance responsible party (BRP) that is balanced by itself has positions of its own, so that its
money on the markets of energy is its own. So every split adds up to the term, to the last digit that sums of floats
allow. Source: docs/reference/history.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from agr.domain.plan import PlanFigures
from agr.planning.case import CLASSES
from agr.planning.case.balancing import TOGETHER
from agr.planning.difference import Solved
from models.audit.payers import payers
from models.audit.protocols import Payer
from models.audit.resources.registry import CLASSES as AUDITS
from models.case import Case
from models.outcome import Outcome

Floats = NDArray[np.float64]
DAY_AHEAD = "day-ahead"
WHOSE = {
    Payer.COUNTERPARTY: "paid", Payer.OWNER: "owner", Payer.NEXT_PERIOD: "carried", Payer.CUSTOMER: "customer",
    Payer.NOBODY: "planning",
}  # fmt: skip
"""Who pays or earns a term → its name in history."""
UNKNOWN = "unknown"
"""Name for money in an old plan that did not record the payer."""
_MW = 1000.0
_NOTHING_EUR = 1e-12
"""Amounts below this, in EUR, are left out, except where others are added to them."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """An amount of money, earned positive."""

    term: str
    whose: str  # one of WHOSE, or UNKNOWN
    congestion_point: str  # empty: of no congestion point, or of the portfolio
    contract: str  # empty: of none
    eur: float


def facts_of(solved: Solved, ordered_under: Mapping[str, str] = MappingProxyType({})) -> tuple[Fact, ...]:
    """Return a plan's money by term, congestion point and contract; each term adds up to that of the plan.

    `ordered_under`: order of flexibility, by the name that plans have for it → the contract that it belongs to.
    """
    case, outcome = solved.named.case, solved.outcome
    whose = {term: WHOSE[payer] for term, payer in payers(case).items()}
    placed = {term: values for term, values in outcome.point_terms_eur.items() if term in outcome.terms_eur}
    placed[DAY_AHEAD] = np.append(_energy_eur(case, outcome.point_kw), 0.0)
    found: list[Fact] = []
    for term, total in outcome.terms_eur.items():
        by_contract = _contracts_eur(case, outcome, ordered_under).get(term, {})
        rest: Floats = placed.get(term, np.zeros(len(case.points) + 1))[:-1].copy()
        parts = [(case.points[p], contract, eur) for (p, contract), eur in by_contract.items()]
        for (place, _), amount in by_contract.items():
            rest[place] -= amount
        parts += [(case.points[p], "", float(rest[p])) for p in np.flatnonzero(np.abs(rest) > _NOTHING_EUR).tolist()]
        parts.append(("", "", total - sum(eur for *_, eur in parts)))
        found += [
            Fact(term=term, whose=whose.get(term, UNKNOWN), congestion_point=point, contract=contract, eur=eur)
            for point, contract, eur in parts
            if abs(eur) > _NOTHING_EUR
        ]
    return tuple(found)


def facts_of_summary(result: PlanFigures) -> tuple[Fact, ...]:
    """Return what the summary of a plan still says when its programs are no longer kept."""
    return tuple(
        Fact(
            term=term, whose=WHOSE[Payer.NOBODY] if term in result.planning else UNKNOWN, congestion_point="",
            contract="", eur=eur,
        )
        for term, eur in result.terms_eur.items()
    )  # fmt: skip


def _energy_eur(case: Case, power_kw: Floats) -> Floats:
    """Return what energy (N,T) costs at the day-ahead price, summed over the Period (N,)."""
    return np.asarray(-(power_kw @ case.day_ahead.price_eur_per_mwh) * case.isp_hours / _MW, dtype=np.float64)


def _contracts_eur(
    case: Case, outcome: Outcome, ordered_under: Mapping[str, str]
) -> dict[str, dict[tuple[int, str], float]]:
    """Return term → (congestion point, contract) → EUR."""
    held = case.reservations
    hours = case.isp_hours / _MW
    reserved = held.paid_kw.sum(axis=1) * hours
    missing = outcome.reservation_shortfall_kw.sum(axis=1) * hours
    amounts = {
        "availability": held.availability_eur_per_mw_h * reserved,
        "reservation shortfall": -held.penalty_eur_per_mwh * missing,
    }
    places = list(zip(held.point.tolist(), held.name, strict=True))
    found = {term: dict(zip(places, eur.tolist(), strict=True)) for term, eur in amounts.items()}
    orders = case.orders
    missed = outcome.order_shortfall_kw.sum(axis=1) * hours
    for place, name, price, missing in zip(
        orders.point.tolist(), orders.name, orders.price_eur.tolist(), -orders.penalty_eur_per_mwh * missed, strict=True
    ):
        if name in ordered_under:
            key = place, ordered_under[name]
            for term, eur in (("flexibility sold", price), ("order shortfall", float(missing))):
                mine = found.setdefault(term, {})
                mine[key] = mine.get(key, 0.0) + eur
    return found


def _tariffs(case: Case, outcome: Outcome) -> Iterator[tuple[str, str, float]]:
    """Yield connection, term and what its customer earns with its tariff (negative: pays), EUR."""
    tariffs = case.connection_tariffs
    for name, eur in zip(tariffs.name, outcome.tariff_eur.tolist(), strict=True):
        yield name, "connection tariff", eur
    paid = np.zeros(len(tariffs.name))
    np.add.at(paid, tariffs.peak_at, -tariffs.peak_eur_per_kw * (outcome.peak_kw - tariffs.peak_reached_kw))
    for name, eur in zip(tariffs.name, paid.tolist(), strict=True):
        yield name, "peak charge", eur


def connections_eur(solved: Solved, connection_of: Mapping[str, str]) -> dict[tuple[str, str, str], float]:
    """Return (connection, term, whose) → EUR: what the resources behind each connection cause by themselves.

    The connection is empty for what is not theirs, and for resources whose connection is not known.
    """
    case, outcome = solved.named.case, solved.outcome
    whose = {term: WHOSE[payer] for term, payer in payers(case).items()}
    audits = {audit.name: audit for audit in AUDITS}
    found: dict[tuple[str, str, str], float] = {}
    for units in CLASSES:
        behind = [connection_of.get(name, "") for name in solved.named.of(units.name)]
        terms = {DAY_AHEAD: _energy_eur(case, units.power_kw(case, outcome.programs))}
        audit = audits[units.name]
        if audit.terms_eur is not None:
            terms |= audit.terms_eur(case, outcome.programs, False)
        for term, eur in terms.items():
            for connection, amount in zip(behind, eur.tolist(), strict=True):
                if connection and abs(amount) > _NOTHING_EUR:
                    key = (connection, term, whose.get(term, UNKNOWN))
                    found[key] = found.get(key, 0.0) + amount
    for connection, term, paid in _tariffs(case, outcome):
        if abs(paid) > _NOTHING_EUR:
            found[connection, term, whose.get(term, UNKNOWN)] = paid
    theirs: dict[str, float] = {}
    for (_, term, _), amount in found.items():
        theirs[term] = theirs.get(term, 0.0) + amount
    for term, total in outcome.terms_eur.items():
        left = total - theirs.get(term, 0.0)
        if abs(left) > _NOTHING_EUR:
            found["", term, whose.get(term, UNKNOWN)] = left
    return found


def brps_eur(
    solved: Solved, connections: Mapping[tuple[str, str, str], float], brp_of: Mapping[str, str]
) -> dict[tuple[str, str, str], float]:
    """Return (BRP, term, whose) → EUR, given what connections_eur returns and the BRP of each connection.

    The BRP is empty for what belongs to no connection. Each BRP that is balanced by itself has what the plan trades for
    it, instead of its energy at the day-ahead price.
    """
    found: dict[tuple[str, str, str], float] = {}

    def add(brp: str, term: str, whose: str, eur: float) -> None:
        found[brp, term, whose] = found.get((brp, term, whose), 0.0) + eur

    for (connection, term, whose), eur in connections.items():
        add(brp_of.get(connection, ""), term, whose, eur)
    paid = WHOSE[Payer.COUNTERPARTY]
    for brp, of_markets in _alone_eur(solved.named.case, solved.outcome):
        for term, eur in of_markets.items():
            more = eur - found.get((brp, term, paid), 0.0)
            add(brp, term, paid, more)
            add("", term, paid, -more)
    return {key: eur for key, eur in found.items() if abs(eur) > _NOTHING_EUR}


def _alone_eur(case: Case, outcome: Outcome) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each BRP that is balanced by itself, and what its positions earn by term, EUR."""
    hours = case.isp_hours / _MW
    intraday, imbalance = case.intraday, case.imbalance
    for name, day_ahead_kw, intraday_kw, imbalance_kw in zip(
        case.balancing_groups.name, outcome.group_day_ahead_kw, outcome.group_intraday_kw, outcome.group_imbalance_kw,
        strict=True,
    ):  # fmt: skip
        if name == TOGETHER:
            continue
        traded = np.where(intraday_kw > 0, intraday.buy_eur_per_mwh, intraday.sell_eur_per_mwh) * intraday_kw
        short, long = np.maximum(imbalance_kw, 0.0), np.maximum(-imbalance_kw, 0.0)
        yield (
            name,
            {
                DAY_AHEAD: -float(case.day_ahead.price_eur_per_mwh @ day_ahead_kw) * hours,
                "intraday": -float(traded.sum()) * hours,
                "imbalance": -float(imbalance.short_eur_per_mwh @ short + imbalance.long_eur_per_mwh @ long) * hours,
            },
        )
