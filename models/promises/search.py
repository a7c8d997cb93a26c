"""Answers prices of all scenarios and promised points at once, round by round, until every point is proven.

Source: docs/explanation/promises.md §4.
"""

from dataclasses import dataclass

import numpy as np

from models.case import Bools, Floats, Ints
from models.promises.answers import ScenarioAnswers
from models.promises.point_search import RoundAnswers, SearchedPoint
from models.promises.rows import Terms, point_rows
from models.promises.scenarios import Scenarios


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long to search. With more groups, rounds take longer and fewer are needed."""

    relative_gap: float = 1e-3  # of what a point's programs cost in money, gross
    rounds: int = 120
    groups: int = 2  # per class, point, scenario; planned and called apart
    smoothing: float = 0.8  # share of the best prices in the next ones; 0: the linear program's own
    threads: int = 0  # 0: all available ones


class PromiseSearch:
    """The searches of all promised points in the same scenarios."""

    def __init__(
        self, world: Scenarios, terms: Terms, effort: Effort, announced_kw: Floats | None = None, *,
        called_only: bool = False,
    ) -> None:  # fmt: skip
        """Prepare the units; announced_kw (N,T): what has been announced, None where it is to be found.

        With `called_only` planned programs, which nothing ties to called ones once all is announced, are left out.
        """
        self._kinds = (1,) if called_only else (0, 1)
        self.world, self.effort, self.points = world, effort, world.points
        self.answers = [
            ScenarioAnswers(case, self.points, groups=effort.groups, threads=effort.threads) for case in world.cases
        ]
        self.each: list[SearchedPoint] = []
        for n, point in enumerate(self.points.tolist()):
            fixed = np.stack([one.fixed_kw[n] for one in self.answers])
            low = np.stack([one.low_kw[n] for one in self.answers])
            high = np.stack([one.high_kw[n] for one in self.answers])
            given = None if announced_kw is None else announced_kw[n]
            rows = point_rows(world, point, None if called_only else terms, fixed, low, high, given)
            used = np.stack([one.used[n] for one in self.answers])
            self.each.append(SearchedPoint(rows, np.stack([used & (not called_only), used], axis=1), fixed))
        self.gross_eur = np.zeros(len(self.each))
        self.rounds = 0
        if self.each:
            everybody = np.ones(len(self.each), dtype=np.bool_)
            first = [one.duals for one in self.each]
            for one, duals, found in zip(self.each, first, self._respond(first, everybody), strict=True):
                one.add(duals, found)
            price = np.abs(world.price_eur_per_kw)
            for n, one in enumerate(self.each):
                flexible = np.stack([np.abs(a.low_kw[n]) + np.abs(a.high_kw[n]) for a in self.answers])
                self.gross_eur[n] = float(world.weight @ ((np.abs(one.fixed_kw) + flexible) * price).sum(axis=1)) / 2

    def charge(self, number: int, factor: Floats) -> None:
        """Multiply what shortfalls cost in each scenario (S,) of the number-th point."""
        self.each[number].charge(factor)

    def run(self, chosen: Ints) -> None:
        """Search the chosen points (n,) until each is proven or the rounds are used up."""
        left = chosen.tolist()
        for _ in range(self.effort.rounds):
            tried: dict[int, Floats] = {}
            for n in left:
                one = self.each[n]
                duals = one.solve()
                aim = self.effort.relative_gap * max(self.gross_eur[n], 1e-6)
                if one.value_eur - one.bound_eur > aim:
                    share = self.effort.smoothing if np.isfinite(one.bound_eur) else 0.0
                    tried[n] = share * one.duals + (1 - share) * duals
            left = list(tried)
            if not left:
                return
            self.rounds += 1
            asked = np.zeros(len(self.each), dtype=np.bool_)
            asked[left] = True
            found = self._respond([tried.get(n, one.duals) for n, one in enumerate(self.each)], asked)
            for n in left:
                self.each[n].add(tried[n], found[n])
        for n in left:
            self.each[n].solve()

    def _respond(self, duals: list[Floats], asked: Bools) -> list[RoundAnswers]:
        """Return the answers of all points at these prices of their rows; nothing of points that are not asked."""
        scenarios, isps = len(self.answers), self.world.cases[0].isps
        extra = np.zeros((2, scenarios, len(self.each), isps))
        for n in np.flatnonzero(asked).tolist():
            extra[0, :, n], extra[1, :, n] = self.each[n].rows.prices(duals[n], scenarios, isps)
        shape = (len(self.each), scenarios, 2, self.answers[0].groups)
        power, cost, bound = np.zeros((*shape, isps)), np.zeros(shape), np.zeros(shape)
        price = self.world.price_eur_per_kw
        for s, (one, weight) in enumerate(zip(self.answers, self.world.weight.tolist(), strict=True)):
            for called in self._kinds:
                own = price[s]
                base = np.zeros(isps) if called else own
                got = one.respond(base + extra[called, s] / weight, called=bool(called), asked=asked)
                power[:, s, called] = got.power_kw
                cost[:, s, called] = weight * (got.cost_eur + (0.0 if called else got.power_kw @ own))
                bound[:, s, called] = weight * got.bound_eur
        return [RoundAnswers(power_kw=p, cost_eur=c, bound_eur=b) for p, c, b in zip(power, cost, bound, strict=True)]
