"""Audits curtailable generation: forecast <= p <= 0, p = pinned where pinned; its room for reserve and its money."""

from collections.abc import Mapping

import numpy as np

from models.audit.findings import above, beside, isp
from models.audit.protocols import ClassAudit, Findings, Payer, ProgramField
from models.audit.scenario import Situation, mwh
from models.case import Case, Floats
from models.outcome import Programs


def _power_kw(case: Case, programs: Programs) -> Floats:
    del case
    return programs.curtailable_kw


def _check(case: Case, situation: Situation) -> Findings:
    data, mine = case.curtailable, situation.concerns(case.curtailable.point)[:, None]
    power = situation.programs.curtailable_kw
    pinned = np.broadcast_to(data.pinned_kw, power.shape)
    free = np.isnan(pinned)
    axes, allowed = (situation.units("curtailable"), isp), beside(data.forecast_kw, power)
    rules = (
        ("produces more than forecast", free, data.forecast_kw - power),
        ("consumes", free, power),
        ("leaves its pinned program", ~free, np.abs(power - pinned)),
    )
    for what, where, excess in rules:
        yield from above(axes, what, np.where(mine & where, excess, 0.0), allowed)


def _terms_eur(case: Case, programs: Programs, called: bool) -> Mapping[str, Floats]:
    """Return the cost of curtailment; a called program costs nothing."""
    if called:
        return {}
    curtailed = mwh(case, np.maximum(programs.curtailable_kw - case.curtailable.forecast_kw, 0.0)).sum(axis=1)
    return {"curtailment": -case.curtailable.cost_eur_per_mwh * curtailed}


def _room_kw(case: Case, situation: Situation, side: str) -> Floats:
    power, data = situation.programs.curtailable_kw, case.curtailable
    if side == "up":
        return np.subtract(power, np.fmin(data.forecast_kw, data.pinned_kw))
    return np.subtract(np.fmax(data.pinned_kw, 0.0), power)


AUDIT = ClassAudit(
    name="curtailable",
    fields={"curtailable_kw": ProgramField()},
    power_kw=_power_kw,
    check=_check,
    terms_eur=_terms_eur,
    payers={"curtailment": Payer.OWNER},
    reserve_kw=lambda case: case.curtailable.reserve_kw,
    room_kw=_room_kw,
)
