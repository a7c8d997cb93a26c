"""The JSON API about e-programs: revisions with their answers, their contents, and imbalance exposure."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from agr.connectors.e_programs import Letter
from agr.domain.errors import MissingError
from agr.nomination.exposure import Exposure, Exposures, exposures
from agr.nomination.split import Floats
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.sight import Sight
from agr.store import nominations
from agr.store.nominations import Nomination
from agr.web.security import api_for, context_of, narrowed, sight_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]
Numbers = list[float | None]


class NominationOut(BaseModel):
    """One revision of a BRP's e-program, and what became of it."""

    brp: str
    period: date
    revision: int
    plan: int
    message_id: str
    queued_at: datetime
    state: str  # queued | sent | superseded | failed
    attempts: int
    sent_at: datetime | None
    detail: str | None
    answered_at: datetime | None
    answer: str | None  # accepted | rejected
    answer_reason: str | None


class EProgramIsp(BaseModel):
    """One ISP of an e-program; MWh, consumption and purchases positive."""

    isp: int
    start: datetime
    energy_mwh: float
    day_ahead_mwh: float
    intraday_mwh: float
    imbalance_mwh: float


class EProgramOut(NominationOut):
    """A revision with its contents."""

    isps: list[EProgramIsp]


class ExposureOut(BaseModel):
    """A BRP's exposure to imbalance in a Period. Per ISP: MWh, shortage positive; money earned positive.

    The two risks, what is not bought and what is not accepted, are never to be added. null: no price is known, or the
    BRP has accepted nothing yet.
    """

    brp: str
    balance: str
    revision: int
    state: str
    accepted_revision: int | None
    energy_mwh: Numbers
    uncovered_mwh: Numbers
    uncovered_eur: Numbers
    unaccepted_mwh: Numbers | None
    unaccepted_eur: Numbers | None


class ExposuresOut(BaseModel):
    """The exposure of every BRP, and the prices it is settled at.

    `stand_in`: no settlement price is known, so the day-ahead price was used. `crossing_mwh`: bought
    intraday by some BRPs while others sell as much, since some are balanced by themselves; `crossing_eur`: the spread
    on it, which the plan's value counts.
    """

    period: date
    currency: str
    isps: int
    shortage_per_mwh: Numbers
    surplus_per_mwh: Numbers
    stand_in: list[bool]
    crossing_mwh: Numbers
    crossing_eur: Numbers
    brps: list[ExposureOut]


@router.get("/days/{period}/nominations")
@narrowed
def nominations_(request: Request, principal: Reader, period: date) -> list[NominationOut]:
    """Every revision of a Period's e-programs, by BRP, oldest first."""
    with context_of(request).store.transaction() as tx:
        found = nominations.history(tx, period)
    sight = sight_of(request, principal)
    return [NominationOut(**_head(one)) for one in found if sight.brp(one.brp)]


@router.get("/nominations/{message_id}")
@narrowed
def nomination(request: Request, principal: Reader, message_id: str) -> EProgramOut:
    """One revision with its contents."""
    one, letter = _letter(request, principal, message_id)
    return EProgramOut(**_head(one), isps=[EProgramIsp(**row) for row in letter.rows()])


@router.get("/nominations/{message_id}/e-program.csv", response_class=Response)
@narrowed
def nomination_csv(request: Request, principal: Reader, message_id: str) -> Response:
    """One revision as CSV, in the layout of the file."""
    _, letter = _letter(request, principal, message_id)
    headers = {"Content-Disposition": f'attachment; filename="{letter.file_name}"'}
    return Response(letter.csv(), media_type="text/csv", headers=headers)


@router.get("/days/{period}/exposure")
@narrowed
def exposure(request: Request, principal: Reader, period: date) -> ExposuresOut:
    """What imbalance may cost: energy that nobody has bought, and energy that a BRP has not accepted, per ISP."""
    context = context_of(request)
    with context.store.transaction() as tx:
        found = exposures(tx, context.settings, context.actions.period(period))
    found = seen_exposures(found, sight_of(request, principal))
    prices = found.prices
    return ExposuresOut(
        period=period, currency=context.settings.currency, isps=found.period.isp_count,
        shortage_per_mwh=_numbers(prices.shortage), surplus_per_mwh=_numbers(prices.surplus),
        stand_in=prices.stand_in.tolist(), crossing_mwh=_numbers(found.crossing_mwh),
        crossing_eur=_numbers(found.crossing_eur),
        brps=[_exposure(of) for of in found.brps],
    )  # fmt: skip


def seen_exposures(found: Exposures, sight: Sight) -> Exposures:
    """Return the exposures of those BRPs that are seen; what crosses between BRPs is the whole portfolio's."""
    if sight.everything:
        return found
    unknown = np.full_like(found.crossing_mwh, np.nan)
    brps = tuple(of for of in found.brps if sight.brp(of.brp))
    return replace(found, brps=brps, crossing_mwh=unknown, crossing_eur=unknown)


def _exposure(of: Exposure) -> ExposureOut:
    return ExposureOut(
        brp=of.brp, balance=of.balance, revision=of.newest.revision, state=of.newest.shown_state,
        accepted_revision=of.accepted.revision if of.accepted else None, energy_mwh=_numbers(of.energy_mwh),
        uncovered_mwh=_numbers(of.uncovered_mwh), uncovered_eur=_numbers(of.uncovered_eur),
        unaccepted_mwh=None if of.unaccepted_mwh is None else _numbers(of.unaccepted_mwh),
        unaccepted_eur=None if of.unaccepted_eur is None else _numbers(of.unaccepted_eur),
    )  # fmt: skip


def _numbers(values: Floats) -> Numbers:
    """Return JSON numbers; what is not known is null."""
    return [None if np.isnan(value) else value for value in values.tolist()]


def _head(one: Nomination) -> dict[str, object]:
    return {name: getattr(one, name) for name in NominationOut.model_fields}


def _letter(request: Request, principal: Principal, message_id: str) -> tuple[Nomination, Letter]:
    context = context_of(request)
    with context.store.transaction() as tx:
        one = nominations.by_message(tx, message_id)
    if one is None or not sight_of(request, principal).brp(one.brp):
        raise MissingError(f"there is no e-program with message id {message_id!r}")
    return one, Letter(
        sender=context.settings.domain, brp=one.brp, period=context.actions.period(one.period), revision=one.revision,
        plan=one.plan, message_id=one.message_id, made_at=one.queued_at, content=one.content,
    )  # fmt: skip
