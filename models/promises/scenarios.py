"""Scenarios of one day: the same congestion points and contracts, other units. Checked once, here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.block import reserved_points
from models.case import NO_LIMIT, NO_TARIFF, UNIT_CLASSES, Bools, Case, Floats, Ints
from models.errors import CaseError


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenarios:
    """S equally detailed days that may come, drawn jointly: in each, what every unit is and can do.

    Congestion points, limits and reservations are the same in all of them; only units differ. Raises CaseError, naming
    the scenario, where they contradict each other or something stands in them that is not planned by probability.
    """

    cases: tuple[Case, ...]
    weight: Floats  # (S,) > 0, adds up to 1
    price_eur_per_mwh: Floats  # (T,), or (S,T) where it differs: what a MWh is worth to the portfolio

    def __post_init__(self) -> None:
        if not self.cases:
            raise CaseError("scenarios: at least one is needed")
        first = self.cases[0]
        weight = self.weight
        if weight.shape != (len(self.cases),) or not (weight > 0).all() or abs(float(weight.sum()) - 1) > 1e-9:
            raise CaseError(f"scenarios.weight: must be {len(self.cases)} numbers above 0 that add up to 1")
        price = self.price_eur_per_mwh
        if price.shape not in ((first.isps,), (len(self.cases), first.isps)) or not np.isfinite(price).all():
            raise CaseError(f"scenarios.price_eur_per_mwh: must be {first.isps} finite numbers, or so many a scenario")
        for s, case in enumerate(self.cases, start=1):
            if (case.isps, case.isp_hours, case.points) != (first.isps, first.isp_hours, first.points):
                raise CaseError(f"scenario {s}: has other ISPs or congestion points than the first")
            if not _same(case, first):
                raise CaseError(f"scenario {s}: has other limits or reservations than the first")
            _check_supported(case, f"scenario {s}")

    @property
    def points(self) -> Ints:
        """The congestion points (N,) with a reservation, which is what is promised."""
        return np.flatnonzero(reserved_points(self.cases[0])[:-1])

    @property
    def price_eur_per_kw(self) -> Floats:
        """The price (S,T) of a kW during an ISP."""
        shape = (len(self.cases), self.cases[0].isps)
        return np.broadcast_to(self.price_eur_per_mwh, shape) * (self.cases[0].isp_hours / 1000)

    def energy_eur(self, power_kw: Floats) -> Floats:
        """Return what power (S,T), kW, costs in each scenario (S,)."""
        return np.asarray((power_kw * self.price_eur_per_kw).sum(axis=1))


def equal_weights(count: int) -> Floats:
    """Return weights (S,), which add up to 1, of scenarios that are equally likely."""
    return np.full(count, 1.0 / count)


def scenarios(cases: Sequence[Case], price_eur_per_mwh: Floats) -> Scenarios:
    """Return equally likely scenarios, with the prices of energy (T,) or (S,T). Raises CaseError as Scenarios does."""
    return Scenarios(cases=tuple(cases), weight=equal_weights(max(len(cases), 1)), price_eur_per_mwh=price_eur_per_mwh)


def _same(case: Case, first: Case) -> bool:
    mine, other = case.reservations, first.reservations
    limits, others = case.limits, first.limits
    return all(
        np.array_equal(one, two)
        for one, two in (
            (mine.point, other.point), (mine.reserved_kw, other.reserved_kw),
            (mine.penalty_eur_per_mwh, other.penalty_eur_per_mwh), (limits.point, others.point),
            (limits.import_kw, others.import_kw), (limits.export_kw, others.export_kw),
            (limits.penalty_eur_per_mwh, others.penalty_eur_per_mwh),
        )
    )  # fmt: skip


def _check_supported(case: Case, where: str) -> None:
    """Raise CaseError for what ties promised points to something that scenarios do not have."""
    promised = reserved_points(case)
    if case.reserves:
        raise CaseError(f"{where}: has balancing capacity, which is not planned by probability")
    if case.anchor is not None:
        raise CaseError(f"{where}: has a program that was announced; what is announced is to be found")
    if case.balancing_groups.name:
        raise CaseError(f"{where}: has balancing groups, which are not planned by probability")
    for name in UNIT_CLASSES:
        here: Bools = promised[case.units(name).point]
        if bool((case.leaf(name)[here] != NO_LIMIT).any()):
            raise CaseError(f"{where}: {name} at a promised congestion point has a connection limit")
        if bool((case.tariff(name)[here] != NO_TARIFF).any()):
            raise CaseError(f"{where}: {name} at a promised congestion point has a tariff")
    if len(case.orders.point) and bool(promised[case.orders.point].any()):
        raise CaseError(f"{where}: a promised congestion point has an order")
