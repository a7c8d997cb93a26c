"""The page about forecasts: bands with what happened, as of the moment each was made, and the scoreboard."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from agr.domain.errors import MissingError
from agr.forecasting.sessions import session_unit
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.forecast_scores import last_days, scoreboard
from agr.operations.forecast_series import price_series
from agr.operations.forecast_views import FAN, Values, View, view
from agr.store import actuals, forecast_runs
from agr.web.context import WebContext
from agr.web.layout import chart, render, starts_of
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
SCORED_DAYS = 30
LISTED = 500
"""Most series in the list to choose from; others can be opened by their address."""


@router.get("/forecasts")
def forecasts(
    request: Request, principal: Viewer, series: Annotated[str, Query(max_length=255)] = "",
    period: str | None = None, made: Annotated[int | None, Query(ge=1, le=100_000)] = None, money: bool = False,
) -> HTMLResponse:  # fmt: skip
    """A series' forecast of a Period with its bands; `made`: which forecast of it, from 1 (oldest); default: newest."""
    context = context_of(request)
    of, now = context.period(period), context.clock.now()
    name = series or context.settings.markets.day_ahead.series
    energy = name == context.settings.markets.day_ahead.series
    first, last = last_days(context.settings, now, SCORED_DAYS)
    with context.store.reading() as tx:
        names = sorted({*forecast_runs.series_known(tx, now), *actuals.series_known(tx, now), *_traded(context)})
        if name not in names:
            raise MissingError(f"there is no series {name!r}; there are {', '.join(names)}")
        moments = sorted({run.made_at for run in forecast_runs.of_period(tx, name, of.day, now)})
        place = min(made or len(moments), len(moments))
        as_of = moments[place - 1] if moments else now
        found = view(tx, context.settings, name, of, as_of)
        board = scoreboard(tx, context.settings, name, first, last, now, money=money and energy)
    offered = [*dict.fromkeys([name, *names[:LISTED]])]
    return render(
        request, principal, "forecasts.html", of=of, series=name, names=offered, moments=moments, place=place,
        found=found, board=board, first=first, last=last, energy=energy, money=money and energy,
        picture=chart(**_picture(found, context)), enabled=context.settings.forecasts.enabled,
        unit=_unit(name, context),
    )  # fmt: skip


def _traded(context: WebContext) -> list[str]:
    return [one.name for one in price_series(context.settings)]


def _picture(found: View, context: WebContext) -> dict[str, object]:
    lines = (("forecast", "plan", found.mean), ("given", "sent", found.given_values), ("naive", "limit", found.naive),
             ("actual", "called", found.actual))  # fmt: skip
    shown = [
        {"label": label, "kind": kind, "values": _rounded(values)}
        for label, kind, values in lines
        if any(value is not None for value in values)
    ]
    bands = [
        {"label": f"{share} %", "low": _rounded(found.fan[low]), "high": _rounded(found.fan[high])}
        for share, low, high in ((50, FAN[2], FAN[4]), (80, FAN[1], FAN[5]), (95, FAN[0], FAN[6]))
        if found.fan
    ]
    return {
        "unit": _unit(found.series, context), "starts": starts_of(found.period), "zone": found.period.zone_name,
        "band": None, "series": shown, "bands": bands,
    }  # fmt: skip


def _unit(series: str, context: WebContext) -> str:
    """Return the unit of a series; empty where its name says it, or nobody knows."""
    markets = context.settings.markets
    if series in (markets.day_ahead.series, markets.imbalance.shortage_series, markets.imbalance.surplus_series):
        return f"{context.settings.currency}/MWh"
    return "kW" if series.startswith(forecast_runs.POWER_SERIES) else session_unit(series)


def _rounded(values: Values) -> list[float | None]:
    return [None if value is None else round(value, 3) for value in values]
