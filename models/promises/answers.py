"""Best responses of the units of one scenario at promised congestion points, added up per point and group."""

from dataclasses import dataclass

import numpy as np

from models.block import called_units
from models.case import Bools, Case, Floats, Ints
from models.decomposition.prices.pricing import prepared
from models.resources.protocols import Responder
from models.resources.registry import FIXED, PRICED
from models.response import Prices, Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """Answers of the groups (N,G) at one price: power (N,G,T), kW; own cost and proven bound, EUR."""

    power_kw: Floats
    cost_eur: Floats
    bound_eur: Floats


class ScenarioAnswers:
    """The units of a scenario at promised points (N,), dealt into groups per class."""

    def __init__(self, case: Case, points: Ints, *, groups: int, threads: int) -> None:
        self.case, self.count = case, len(points)
        self.groups = groups * len(PRICED)
        number = np.full(len(case.points) + 1, -1, dtype=np.int64)
        number[points] = np.arange(len(points))
        self.fixed_kw = np.zeros((len(points), case.isps))
        self.low_kw, self.high_kw = (np.zeros((len(points), case.isps)) for _ in range(2))
        place = number[case.fixed.point]
        np.add.at(self.fixed_kw, place[place >= 0], case.fixed.program_kw[place >= 0])
        self.used: Bools = np.zeros((len(points), self.groups), dtype=np.bool_)
        self._parts: dict[bool, list[tuple[Responder, Rows]]] = {False: [], True: []}
        for k, resource in enumerate(PRICED):
            point = resource.arrays(case).point
            units = np.flatnonzero((number[point] >= 0) & called_units(case, point))
            if resource is FIXED or not len(units):
                continue
            mine = number[point[units]]
            rank = np.zeros(len(units), dtype=np.int64)
            for n in np.unique(mine).tolist():
                rank[mine == n] = np.arange(int((mine == n).sum()))
            total = mine * self.groups + k * groups + rank % groups
            self.used.reshape(-1)[total] = True
            low, high = resource.range_kw(case, units)
            np.add.at(self.low_kw, mine, low)
            np.add.at(self.high_kw, mine, high)
            rows = Rows(power=mine, held=np.zeros(len(units), dtype=np.int64), total=total)
            for called in (False, True):
                self._parts[called].append(
                    (prepared(case, resource, units, called=called, threads=threads).responder, rows)
                )

    def respond(self, price_eur_per_kw: Floats, *, called: bool, asked: Bools) -> Answered:
        """Return the answers of the groups of the points asked (N,) at prices (N,T); zero of all others."""
        shape = (self.count, self.groups)
        power, cost, bound = np.zeros((*shape, self.case.isps)), np.zeros(shape), np.zeros(shape)
        prices = Prices(power_eur_per_kw=price_eur_per_kw, held_eur_per_kw=np.zeros((1, 0, self.case.isps)))
        totals = np.repeat(asked, self.groups)
        for responder, rows in self._parts[called]:
            chosen = rows if asked.all() else rows.of(totals)
            found = responder.respond(prices, chosen, len(totals))
            power += found.power_kw.reshape(power.shape)
            cost += found.cost_eur.reshape(shape)
            bound += found.bound_eur.reshape(shape)
        return Answered(power_kw=power, cost_eur=cost, bound_eur=bound)
