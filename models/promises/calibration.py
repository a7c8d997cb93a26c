"""How what was announced fares on days that it was not made for, and the margin that makes the promise hold there.

Source: docs/explanation/promises.md §5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from models.arrays import Bools, Floats
from models.case import Case
from models.errors import CaseError
from models.promises.plan import RAISES, Promises, delivered, expected_eur, missing_kwh
from models.promises.rows import Terms
from models.promises.scenarios import Scenarios, scenarios
from models.promises.search import Effort, PromiseSearch

_AT_ONCE = 10
"""Scenarios that are counted together: announced programs being known, nothing ties them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fared:
    """How an announced program fares in F scenarios that it was not made for, per promised point (N,F)."""

    delivered: Bools
    missing_kwh: Floats
    missing_kw: Floats  # the most in any ISP
    away_kw: Floats  # the most by which the planned program is off the announced one in a reserved ISP


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibrated:
    """What to announce with a margin, per promised point (N,). Money is cost, EUR."""

    announced_kw: Floats  # (C,T), NaN at points that promise nothing
    margin_kw: Floats  # (N,)
    expected_eur: Floats  # (N,) like that of PointPromise, in the scenarios planned for
    free_eur: Floats  # (N,)

    @property
    def hedge_eur(self) -> Floats:
        """What keeping the promise costs at each point (N,), margin included."""
        return self.expected_eur - self.free_eur


def count_on(
    cases: Sequence[Case], price_eur_per_mwh: Floats, announced_kw: Floats, terms: Terms, *,
    effort: Effort | None = None,
) -> Fared:  # fmt: skip
    """Return how what was announced, (C,T) kW, fares in other scenarios; each does its best with what was announced.

    price_eur_per_mwh: (T,), or (F,T). Raises CaseError as Scenarios does.
    """
    found: list[tuple[Bools, Floats, Floats, Floats]] = []
    for first in range(0, len(cases), _AT_ONCE):
        world = _some(cases, price_eur_per_mwh, first)
        search = _fixed(world, terms, effort, announced_kw)
        every = range(len(search.each))
        shape = (len(every), len(world.cases))
        found.append(
            (
                np.array([delivered(search, n) for n in every], dtype=np.bool_).reshape(shape),
                np.array([missing_kwh(search, n) for n in every]).reshape(shape),
                np.array([_most_missing(search, n) for n in every]).reshape(shape),
                np.array([_most_away(search, n, announced_kw) for n in every]).reshape(shape),
            )
        )
    parts = [np.concatenate(values, axis=1) for values in zip(*found, strict=True)]
    return Fared(delivered=parts[0], missing_kwh=parts[1], missing_kw=parts[2], away_kw=parts[3])


def calibrated(
    world: Scenarios, promises: Promises, days: Sequence[Case], terms: Terms, *, effort: Effort | None = None,
) -> Calibrated:  # fmt: skip
    """Return what to announce so that a day like `days`, which the promise was not made for, is kept as promised.

    In ISPs that reserve less consumption the announced program rises by a margin, in ISPs that reserve more it falls;
    where an ISP reserves both it stays. The margin is the ⌈(F + 1)·p⌉-th smallest of those that the F days need: one
    more day of the kind is then kept with a probability of at least p, whatever the days are like. Raises CaseError
    where there are too few days for that.
    """
    rank = ceil((len(days) + 1) * promises.probability - 1e-9)
    if rank > len(days):
        least = (
            ceil(promises.probability / (1 - promises.probability) - 1e-9) if promises.probability < 1 else "endless"
        )
        raise CaseError(
            f"days: are {len(days)}; a probability of {promises.probability:g} needs {least} or more of them"
        )
    case = world.cases[0]
    announced = promises.announced_kw(len(case.points), case.isps)
    price = world.price_eur_per_mwh.reshape(-1, case.isps).mean(axis=0)  # called programs have none: it only scales
    parts: list[list[Floats]] = []
    for first in range(0, len(days), _AT_ONCE):
        some = _some(days, price, first)
        search = _fixed(some, terms, effort, announced, called_only=True)
        parts.append([np.where(delivered(search, n), 0.0, _most_missing(search, n)) for n in range(len(search.each))])
    need: Floats = np.concatenate([np.array(part) for part in parts], axis=1)
    margin = np.sort(need, axis=1)[:, rank - 1] if len(need) else np.zeros(0)
    for one, kw in zip(promises.points, margin.tolist(), strict=True):
        reserved = case.reservations.reserved_kw[case.reservations.point == one.point]
        less, more = (reserved < 0).any(axis=0), (reserved > 0).any(axis=0)
        announced[one.point] += kw * (less.astype(float) - more.astype(float))
    search = _fixed(world, terms, effort, announced)
    return Calibrated(
        announced_kw=announced, margin_kw=np.asarray(margin),
        expected_eur=np.array([expected_eur(search, n) for n in range(len(search.each))]),
        free_eur=np.array([one.free_eur for one in promises.points]),
    )  # fmt: skip


def _some(cases: Sequence[Case], price_eur_per_mwh: Floats, first: int) -> Scenarios:
    """Return the scenarios from the `first` on that are counted together."""
    mine = slice(first, first + _AT_ONCE)
    return scenarios(cases[mine], price_eur_per_mwh if price_eur_per_mwh.ndim == 1 else price_eur_per_mwh[mine])


def _fixed(
    world: Scenarios, terms: Terms, effort: Effort | None, announced_kw: Floats, *, called_only: bool = False
) -> PromiseSearch:
    """Return the best that each scenario can do with what was announced."""
    search = PromiseSearch(world, terms, effort or Effort(), announced_kw[world.points], called_only=called_only)
    every = np.arange(len(search.each))
    for n in every.tolist():
        search.charge(n, np.full(len(world.cases), RAISES[-1]))
    search.run(every)
    return search


def _most_missing(search: PromiseSearch, n: int) -> Floats:
    """Return the most that a call lacks in an ISP (S,), kW."""
    rows, found = search.each[n].rows, np.zeros((len(search.world.cases), search.world.cases[0].isps))
    row, column = rows.matrix.tocoo().coords
    short = rows.shortfall[column]
    at = rows.scenario[row[short]], rows.isp[row[short]]
    np.add.at(found, at, search.each[n].static()[column[short]])
    return np.asarray(found.max(axis=1, initial=0.0))


def _most_away(search: PromiseSearch, n: int, announced_kw: Floats) -> Floats:
    """Return the most by which planned programs are off what was announced in a reserved ISP (S,), kW."""
    tied, (planned, _, _) = search.each[n].rows.tied, search.each[n].programs_kw()
    return np.asarray(np.abs(planned[:, tied] - announced_kw[search.points[n]][tied]).max(axis=1, initial=0.0))
