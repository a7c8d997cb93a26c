"""Sums of how groups of resources deviated from their programs, what that is settled for, and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agr.domain.execution import Verdict
from agr.domain.isp import Period
from agr.planning.settlement import SettlementPrices, settled_eur
from agr.store import executions
from agr.store.executions import ExecutionColumns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Sums over ISPs that have ended, of those that were measured as a whole; consumption positive."""

    planned_kwh: float
    measured_kwh: float
    eur: float | None  # what the deviation is settled for; None: no price is known
    counts: Mapping[str, int]  # verdict → ISPs, of all that have ended

    @property
    def kwh(self) -> float:
        """How much more was taken than planned."""
        return self.measured_kwh - self.planned_kwh


def deviations(
    period: Period, rows: ExecutionColumns, of: Ints, count: int, prices: SettlementPrices
) -> list[Deviation]:
    """Return the sums of each of `count` groups; `of` (N,): the group of each row.

    What one takes more and another less in the same ISP is settled together.
    """
    mine = rows.whole
    planned, measured = (
        np.bincount(of[mine], weights=values[mine], minlength=count) for values in (rows.planned_kwh, rows.measured_kwh)
    )
    off = (rows.measured_kwh - rows.planned_kwh)[mine] / 1000
    isps = period.isp_count
    net: Floats = (
        np.bincount(of[mine] * isps + rows.isp[mine], weights=off, minlength=count * isps)
        .reshape(count, isps)
        .astype(np.float64)
    )
    eur = settled_eur(net, prices).sum(axis=1)
    counts = tallies(of, rows.verdict, count, [one.value for one in executions.VERDICTS])
    return [
        Deviation(planned_kwh=a, measured_kwh=b, eur=None if np.isnan(c) else c, counts=d)
        for a, b, c, d in zip(planned.tolist(), measured.tolist(), eur.tolist(), counts, strict=True)
    ]


def tallies(of: Ints, kind: Ints, count: int, words: Sequence[str]) -> list[dict[str, int]]:
    """Return how often each word occurs in each group; words that do not occur are left out."""
    table = np.bincount(of * len(words) + kind, minlength=count * len(words)).reshape(count, len(words))
    return [{word: n for word, n in zip(words, row, strict=True) if n} for row in table.tolist()]


def worst_verdict(counts: Mapping[str, int]) -> str:
    """Return the verdict to show of several: what went wrong first."""
    order = (Verdict.UNREACHABLE, Verdict.DEVIATED, Verdict.UNMEASURED, Verdict.EXECUTED)
    return next((verdict.value for verdict in order if counts.get(verdict.value)), "")
