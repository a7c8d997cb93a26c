"""The JSON API about forecasts: one Period of a series as a moment saw it, and the scoreboard."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel

from agr.domain.errors import MissingError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.forecast_scores import last_days, scoreboard
from agr.operations.forecast_views import view
from agr.web.security import api_for, context_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]


class ForecastOut(BaseModel):
    """A Period of a series. A value per ISP, in the series' unit; null: there is none."""

    series: str
    period: date
    as_of: datetime
    run: int | None
    model: str | None
    made_at: datetime | None
    notes: list[str]
    starts: list[datetime]
    mean: list[float | None]
    quantiles: dict[str, list[float | None]]
    given: list[float | None]
    naive: list[float | None]
    actual: list[float | None]


class ScoreOut(BaseModel):
    """How good the forecasts of a model were; null: unknown."""

    model: str
    days: int
    mae: float
    bias: float
    relative_mae: float | None
    crps: float | None
    crps_skill: float | None
    coverage: float | None
    kendall: float | None


@router.get("/forecasts/{series}/scores")
def scores(
    request: Request, _principal: Reader, series: str, days: Annotated[int, Query(ge=1, le=730)] = 30
) -> list[ScoreOut]:
    """How good the newest forecast made before each of the last days was, model by model, best first."""
    context = context_of(request)
    now = context.clock.now()
    first, last = last_days(context.settings, now, days)
    with context.store.reading() as tx:
        rows = scoreboard(tx, context.settings, series, first, last, now)
    return [ScoreOut(model=row.model, **vars(row.score)) for row in rows]


@router.get("/forecasts/{series}/{period}")
def forecast(
    request: Request, _principal: Reader, series: str, period: str,
    as_of: Annotated[AwareDatetime | None, Query(description="Made by then; default: now.")] = None,
) -> ForecastOut:  # fmt: skip
    """The newest forecast of a Period that was made by a moment, what was given, and what happened."""
    context = context_of(request)
    of, moment = context.period(period), as_of or context.clock.now()
    with context.store.reading() as tx:
        found = view(tx, context.settings, series, of, moment)
    run = found.run
    if run is None and found.given is None:
        raise MissingError(f"there is no forecast of {series!r} for {of} that was made by {moment.isoformat()}")
    return ForecastOut(
        series=series, period=of.day, as_of=moment, run=run.id if run else None, model=run.model if run else None,
        made_at=run.made_at if run else None, notes=list(found.notes), starts=of.starts(), mean=list(found.mean),
        quantiles={f"{level:g}": list(values) for level, values in found.fan.items()},
        given=list(found.given_values), naive=list(found.naive), actual=list(found.actual),
    )  # fmt: skip
