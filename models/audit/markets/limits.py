"""Audits agreed limits: export − breach <= P <= import + breach, and no breach beyond the excess over a limit."""

import numpy as np

from models.audit.findings import above, isp, named, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.scenario import by_point, mwh
from models.audit.totals import points_kw
from models.case import Case, Floats
from models.outcome import Outcome


def _check(case: Case, outcome: Outcome) -> Findings:
    limits = case.limits
    power = points_kw(case, outcome.programs)[limits.point]
    names = [f"{i} at {case.points[point]}" for i, point in enumerate(limits.point.tolist())]
    axes = (named("limit", names), isp)
    for side, overshoot, breach in (
        ("import", power - limits.import_kw, outcome.breach_import_kw),
        ("export", limits.export_kw - power, outcome.breach_export_kw),
    ):
        allowed = slack(power, breach)
        over = np.maximum(overshoot, 0.0)
        yield from above(axes, f"breach_{side}_kw is negative", -breach, allowed)
        yield from above(axes, f"beyond its {side} limit and breach_{side}_kw", overshoot - breach, allowed)
        yield from above(axes, f"breach_{side}_kw is more than the overshoot", breach - over, allowed)


def _eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    breached = mwh(case, outcome.breach_import_kw + outcome.breach_export_kw).sum(axis=1)
    return {"limit breach": by_point(case, case.limits.point, -case.limits.penalty_eur_per_mwh * breached)}


def _shapes(case: Case) -> dict[str, tuple[int, ...]]:
    return dict.fromkeys(("breach_import_kw", "breach_export_kw"), (len(case.limits.point), case.isps))


def _shadows(case: Case) -> dict[str, tuple[str, ...]]:
    names = tuple(f"limit {i}" for i in range(len(case.limits.point)))
    return {"limit_import_eur_per_mwh": names, "limit_export_eur_per_mwh": names}


AUDIT = MarketAudit(
    name="limits",
    check=_check,
    shapes=_shapes,
    shadows=_shadows,
    placed_eur=_eur,
    payers=lambda _case: {"limit breach": Payer.COUNTERPARTY},
)
