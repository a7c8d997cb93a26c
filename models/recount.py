"""Counts a promise again on a day that may come: the day as one problem of models.reference, called programs only.

It shares no code with models.promises: no best responses, no mixtures, no rows. What was announced and reserved becomes
a limit of the congestion point, and what a call lacks is its breach. Source: docs/explanation/promises.md §6.
"""

from dataclasses import replace

import numpy as np

from models.arrays import Floats
from models.audit import audit
from models.case import Case, Imbalance, Limits, Reservations
from models.errors import ModelError
from models.reference.problem import solve

DEAR = 100.0
"""What a call may cost before it is left unanswered, in contract penalties: more than the planning prices of needs."""


def missing_kw(case: Case, announced_kw: Floats, *, time_limit_s: float = 60.0) -> Floats:
    """Return what calls lack (C,T), kW, on a day whose units are those of the case; 0 at points that promise nothing.

    announced_kw (C,T), kW, NaN where nothing is promised. Raises ModelError where the answer fails its own audit.
    """
    stated = _as_limits(case, announced_kw)
    outcome = solve(stated, relative_gap=0.0, time_limit_s=time_limit_s)
    findings = audit(stated, outcome)
    if findings:
        raise ModelError(f"the recount of a promise fails its audit: {'; '.join(findings[:3])}")
    found = np.zeros(announced_kw.shape)
    np.add.at(found, stated.limits.point, outcome.breach_import_kw + outcome.breach_export_kw)
    return found


def _as_limits(case: Case, announced_kw: Floats) -> Case:
    """Return the day when everything reserved is called: energy costs nothing, and calls are limits of points."""
    isps, contracts = case.isps, case.reservations
    down, up = (np.zeros(announced_kw.shape) for _ in range(2))
    np.add.at(down, contracts.point, np.minimum(contracts.reserved_kw, 0.0))
    np.add.at(up, contracts.point, np.maximum(contracts.reserved_kw, 0.0))
    points = np.flatnonzero(np.isfinite(announced_kw).any(axis=1))
    penalty = np.zeros(len(announced_kw))
    np.maximum.at(penalty, contracts.point, contracts.penalty_eur_per_mwh)
    asked = np.nan_to_num(announced_kw[points])
    none, nothing = np.zeros(0), np.zeros(isps)
    return replace(
        case.when_called(), anchor=None, start=None, reserves=(),
        limits=Limits(
            point=points, import_kw=np.where(down[points] < 0, asked + down[points], np.inf),
            export_kw=np.where(up[points] > 0, asked + up[points], -np.inf),
            penalty_eur_per_mwh=DEAR * penalty[points],
        ),
        reservations=Reservations(
            name=(), point=none.astype(np.int64), reserved_kw=np.zeros((0, isps)), penalty_eur_per_mwh=none,
            availability_eur_per_mw_h=none,
        ),
        day_ahead=replace(
            case.day_ahead, max_buy_kw=nothing, max_sell_kw=nothing, committed_kw=np.full(isps, np.nan)
        ),
        intraday=replace(
            case.intraday, buy_depth_kw=nothing, sell_depth_kw=nothing, committed_kw=np.full(isps, np.nan),
            traded_kw=none, traded_eur=0.0,
        ),
        imbalance=Imbalance(short_eur_per_mwh=nothing, long_eur_per_mwh=nothing),  # what is called has no price
    )  # fmt: skip
