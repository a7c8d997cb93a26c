"""What to announce at congestion points with reservations, so that calls can be answered with a probability.

Source: docs/explanation/promises.md.
"""

from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats
from models.errors import CaseError
from models.promises.rows import Terms
from models.promises.scenarios import Scenarios
from models.promises.search import Effort, PromiseSearch

NEGLIGIBLE = 1e-3
"""A call is answered if no more than this share of the reserved energy is missing: programs are found to a gap."""
RAISES = (1.0, 10.0, 100.0)
"""What shortfalls cost, as multiples of the contract's penalty, one after the other, until the promise is kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BindingCall:
    """Where a promise binds most: what delivering a kW less there would save, EUR, times the probability of the day."""

    scenario: int  # from 0
    isp: int  # from 0
    eur_per_kw: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PointPromise:
    """What one congestion point announces, and how its S scenarios end. Money is cost, EUR."""

    point: int  # index into Case.points
    announced_kw: Floats  # (T,) as found in reserved ISPs, elsewhere the mean of the planned programs
    planned_kw: Floats  # (S,T)
    called_kw: Floats  # (S,T) when all reservations are called
    missing_kwh: Floats  # (S,) of calls
    delivered: Bools  # (S,)
    expected_eur: float  # of programs, energy, deviations and breaches: without what is paid for shortfalls
    free_eur: float  # the same if nothing had to be delivered
    value_eur: float  # what was minimised: expected_eur and shortfalls at the price reached
    bound_eur: float  # proven: value_eur cannot be lower
    binding: BindingCall | None  # None: the promise changes nothing

    @property
    def hedge_eur(self) -> float:
        """What keeping the promise costs, EUR."""
        return self.expected_eur - self.free_eur

    @property
    def gap_eur(self) -> float:
        """How far the value may be from the best, EUR."""
        return self.value_eur - self.bound_eur


@dataclass(frozen=True, kw_only=True, eq=False)
class Promises:
    """The promises of all congestion points with reservations."""

    points: tuple[PointPromise, ...]
    weight: Floats  # (S,)
    probability: float  # asked for
    rounds: int

    def probability_of(self, promise: PointPromise) -> float:
        """Return the probability, from 0 to 1, in the scenarios planned for, that a call is answered."""
        return float(self.weight @ promise.delivered)

    def announced_kw(self, points: int, isps: int) -> Floats:
        """Return what is announced (C,T), kW, NaN at points that promise nothing."""
        found = np.full((points, isps), np.nan)
        for one in self.points:
            found[one.point] = one.announced_kw
        return found


def promise(
    world: Scenarios, terms: Terms, *, probability: float = 0.95, effort: Effort | None = None
) -> Promises:  # fmt: skip
    """Return what to announce, so that calls are answered in scenarios of at least this probability, where possible.

    First shortfalls cost what the contracts say. Where that leaves too many scenarios short, those that are missed most
    keep that price, as far as the probability allows, and all others pay ten, then a hundred times as much. Raises
    CaseError for a probability outside (0, 1], a price of deviations that is not above zero, or a tolerance below it.
    """
    if not 0 < probability <= 1:
        raise CaseError(f"probability: is {probability:g}, expected more than 0 and at most 1")
    if not terms.deviation_eur_per_mwh > 0:
        raise CaseError(f"terms: deviation_eur_per_mwh is {terms.deviation_eur_per_mwh:g}, expected more than 0")
    if not terms.tolerance_kw >= 0:
        raise CaseError(f"terms: tolerance_kw is {terms.tolerance_kw:g}, expected 0 or more")
    search = PromiseSearch(world, terms, effort or Effort())
    count, every = len(world.cases), np.arange(len(search.each))
    for n in every.tolist():
        search.charge(n, np.zeros(count))
    search.run(every)
    free = [expected_eur(search, n) for n in every.tolist()]
    spared: dict[int, Bools] = {}
    left = every
    for factor in RAISES:
        for n in left.tolist():
            search.charge(n, np.where(spared[n], 1.0, factor) if n in spared else np.full(count, factor))
        search.run(left)
        short = {n: ~delivered(search, n) for n in left.tolist()}
        left = np.array([n for n in left.tolist() if world.weight @ short[n] > 1 - probability + 1e-9], dtype=np.int64)
        for n in left.tolist():
            spared.setdefault(n, _spared(missing_kwh(search, n), world.weight, probability))
        if not len(left):
            break
    return Promises(
        points=tuple(_point(search, n, free[n]) for n in every.tolist()), weight=world.weight,
        probability=probability, rounds=search.rounds,
    )  # fmt: skip


def _spared(missing_kwh: Floats, weight: Floats, probability: float) -> Bools:
    """Return the scenarios (S,) that may be missed: those that miss most, as many as the probability allows."""
    found, room = np.zeros(len(weight), dtype=np.bool_), 1 - probability + 1e-9
    for s in np.argsort(-missing_kwh, kind="stable").tolist():
        if missing_kwh[s] > 0 and weight[s] <= room:
            found[s], room = True, room - weight[s]
    return found


def missing_kwh(search: PromiseSearch, n: int) -> Floats:
    """Return what calls lack (S,), kWh, at the n-th promised point."""
    one = search.each[n]
    short, found = one.rows.shortfall, np.zeros(len(search.world.cases))
    np.add.at(found, one.rows.column_scenario[short], one.static()[short])
    return found * search.world.cases[0].isp_hours


def delivered(search: PromiseSearch, n: int) -> Bools:
    """Return in which scenarios (S,) calls are answered at the n-th promised point."""
    contracts, case = search.world.cases[0].reservations, search.world.cases[0]
    here = contracts.point == search.points[n]
    reserved_kwh = float(np.abs(contracts.reserved_kw[here]).sum()) * case.isp_hours
    return np.asarray(missing_kwh(search, n) <= NEGLIGIBLE * reserved_kwh)


def expected_eur(search: PromiseSearch, n: int) -> float:
    """Return the cost of a point without what shortfalls cost, EUR."""
    one = search.each[n]
    _, _, money = one.programs_kw()
    fixed = float(search.world.weight @ search.world.energy_eur(one.fixed_kw))
    beside = one.rows.cost * ~one.rows.shortfall
    return fixed + float(money.sum()) + float(beside @ one.static())


def _point(search: PromiseSearch, n: int, free_eur: float) -> PointPromise:
    one, world = search.each[n], search.world
    planned, called, _ = one.programs_kw()
    announced = world.weight @ planned
    announced[one.rows.tied] = one.static()[: len(one.rows.tied)]
    fixed = float(world.weight @ world.energy_eur(one.fixed_kw))
    return PointPromise(
        point=int(search.points[n]), announced_kw=announced, planned_kw=planned, called_kw=called,
        missing_kwh=missing_kwh(search, n), delivered=delivered(search, n), expected_eur=expected_eur(search, n),
        free_eur=free_eur, value_eur=one.value_eur + fixed, bound_eur=one.bound_eur + fixed,
        binding=_binding(search, n),
    )  # fmt: skip


def _binding(search: PromiseSearch, n: int) -> BindingCall | None:
    """Return the row of a call with the highest price; None where all are free."""
    one = search.each[n]
    assert one.solution is not None
    price = np.where(one.rows.called, np.abs(one.solution.row_dual[: len(one.rows.called)]), 0.0)
    if not len(price) or price.max() <= 1e-9:
        return None
    row = int(price.argmax())
    return BindingCall(
        scenario=int(one.rows.scenario[row]), isp=int(one.rows.isp[row]), eur_per_kw=float(price[row])
    )  # fmt: skip
