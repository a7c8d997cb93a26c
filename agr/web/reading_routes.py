"""The JSON API about readings: taken row by row, and the energy that registers have counted per ISP."""

from datetime import date, datetime
from math import isnan
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, Strict

from agr.connectors.readings import reported
from agr.dispatch.admission import REPORTED
from agr.domain.errors import MissingError
from agr.operations import readings as taking
from agr.operations.accounts.roles import Permission, Principal
from agr.store import readings
from agr.web.idempotency import Key, answer_once
from agr.web.requests import Given
from agr.web.security import api_for, context_of, narrowed

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]
Reporter = Annotated[Principal, Depends(api_for(Permission.READINGS))]
Resource = Annotated[str, Query(min_length=1, max_length=255, description="Its name in the register.")]

MOST_ROWS = 20_000
"""Most readings in one request; so many take about as many bytes as a request may have."""
FAULTS_TOLD = 1000
"""Most rows whose faults an answer lists; its counts include all rows."""


class ReadingGiven(BaseModel):
    """One value of a resource at an instant. What is wrong with it does not keep the other rows."""

    model_config = ConfigDict(extra="forbid")

    resource: str = Field(max_length=1000, description="Its name in the register.")
    at: str = Field(max_length=64, description="When it was measured, ISO 8601 with the UTC offset.")
    quantity: str = Field(max_length=64, description=f"What was measured, with its unit: {', '.join(REPORTED)}.")
    value: Annotated[float, Strict()] | str | None = Field(
        description="A number in that unit; power is positive for consumption and negative for production."
    )


class ReadingsGiven(Given):
    """Readings, in any order."""

    readings: list[ReadingGiven] = Field(min_length=1, max_length=MOST_ROWS)


class ReadingFault(BaseModel):
    """A row that does not count."""

    row: int  # its place in the request, from 0
    state: str  # aside: stored, and counts once later readings confirm it | refused
    reason: str


class ReadingsTaken(BaseModel):
    """What became of the rows."""

    text: str
    stored: int
    known: int  # stored before, with the same value
    aside: int  # stored, but they fit nowhere in their series
    refused: int
    faults: list[ReadingFault]  # the first 1,000


class ReadingOut(BaseModel):
    """A reading that is stored, in kW or kWh as its quantity says."""

    resource: str
    at: datetime
    quantity: str
    value: float
    received_at: datetime
    by: str


class EnergyOut(BaseModel):
    """What the registers of a resource have counted in a Period."""

    resource: str
    kwh: list[float | None]  # per ISP, consumption positive; of the part that was read; null: nothing was
    covered: list[float]  # per ISP: share of it that lies between readings
    quality: list[str]  # per ISP: measured | interpolated | partial | missing


class EnergiesOut(BaseModel):
    """A page of measured energies."""

    period: date
    start: datetime
    isp_minutes: int
    reporting: int  # resources that reported anything in the Period
    energies: list[EnergyOut]


@router.post("/readings", response_model=ReadingsTaken)
@narrowed
def take_readings(request: Request, principal: Reporter, given: ReadingsGiven, key: Key = None) -> Response:
    """Store what devices, meters or a back-end have measured; the answer names the rows that do not count."""

    def act() -> ReadingsTaken:
        taken = context_of(request).readings.take(principal, [reported(row.model_dump()) for row in given.readings])
        return ReadingsTaken(
            text=taken.text, stored=taken.count(taking.STORED), known=taken.count(taking.KNOWN),
            aside=taken.count(taking.ASIDE), refused=taken.count(taking.REFUSED),
            faults=[ReadingFault(**vars(fault)) for fault in taken.faults[:FAULTS_TOLD]],
        )  # fmt: skip

    return answer_once(request, principal, key, given, act)


@router.get("/days/{period}/readings")
def readings_(
    request: Request, _principal: Reader, period: date, resource: Resource,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> list[ReadingOut]:  # fmt: skip
    """What was reported of a resource in a Period, newest first, in pages."""
    context = context_of(request)
    of = context.actions.period(period)
    with context.store.transaction() as tx:
        found = readings.page(tx, resource, of.start, of.end, limit, offset)
    return [ReadingOut(**vars(one.reading), received_at=one.received_at, by=one.by) for one in found]


@router.get("/days/{period}/energies")
def energies(
    request: Request, _principal: Reader, period: date,
    resource: Annotated[str, Query(max_length=255, description="Only this one.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> EnergiesOut:  # fmt: skip
    """The energy per ISP that registers have counted, by resource, in pages."""
    context = context_of(request)
    of = context.actions.period(period)
    with context.store.transaction() as tx:
        names = [resource] if resource else readings.reporting(tx, of.start, of.end)
        found = context.readings.energies(tx, of, names[offset : offset + limit])
    if resource and not found:
        raise MissingError(f"no registers of {resource!r} were read in or around {of}")
    return EnergiesOut(
        period=of.day, start=of.start, isp_minutes=of.isp_minutes, reporting=len(names),
        energies=[
            EnergyOut(
                resource=name,
                kwh=[None if isnan(energy) else energy for energy in one.kwh.tolist()],
                covered=one.covered.tolist(), quality=one.quality_words(),
            )
            for name, one in found.items()
        ],
    )  # fmt: skip
