"""The JSON API about the imbalance that a Period is expected to end with."""

from datetime import date
from math import isnan
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from agr.domain.errors import MissingError
from agr.nomination.split import Floats
from agr.operations.accounts.roles import Permission, Principal
from agr.web.security import api_for, context_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]
Numbers = list[float | None]


class ExpectedImbalanceOut(BaseModel):
    """What a Period is expected to end with. Per ISP: MWh, shortage positive; money earned positive, null: no price.

    `planned_mwh`: what no market delivers by the plan in force. `deviation_mwh`: what registers have counted in ended
    ISPs, less the program; resources without registers are taken to follow it. `stand_in`: no settlement price is
    known, so the day-ahead price was used.
    """

    period: date
    currency: str
    plan: int
    isps: int
    ended_isps: int
    measured_resources: int
    planned_mwh: Numbers
    deviation_mwh: Numbers
    eur: Numbers
    stand_in: list[bool]
    net_mwh: float
    total_eur: float | None


@router.get("/days/{period}/imbalance")
def imbalance(request: Request, _principal: Reader, period: date) -> ExpectedImbalanceOut:
    """The imbalance expected at the end of a Period, from what was measured so far and the plan in force."""
    context = context_of(request)
    of = context.actions.period(period)
    found = context.imbalance.of(of)
    if found is None:
        raise MissingError(f"there is no plan for {of} yet")
    return ExpectedImbalanceOut(
        period=of.day, currency=context.settings.currency, plan=found.plan, isps=of.isp_count,
        ended_isps=found.ended_isps, measured_resources=found.measured, planned_mwh=_numbers(found.planned_mwh),
        deviation_mwh=_numbers(found.deviation_mwh), eur=_numbers(found.eur), stand_in=found.prices.stand_in.tolist(),
        net_mwh=found.net_mwh, total_eur=found.total_eur,
    )  # fmt: skip


def _numbers(values: Floats) -> Numbers:
    return [None if isnan(value) else value for value in values.tolist()]
