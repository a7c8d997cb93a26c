"""The page of execution: what was planned and measured, and why they differ; kept up to date while it is open."""

from math import isnan
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from agr.domain.errors import MissingError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.dispatching.wishes import PointState
from agr.operations.execution.deviations import worst_verdict
from agr.operations.execution.overview import Overview
from agr.operations.execution.point_lines import PointLine
from agr.operations.execution.sessions import ON_TRACK, READY, TO_COME, SessionLine
from agr.web.execution_routes import matching, overview_of
from agr.web.layout import chart, render, starts_of
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]

ROWS = 50
_FINE = (READY, ON_TRACK, TO_COME)


@router.get("/execution")
def execution(
    request: Request, principal: Viewer, period: str | None = None, q: Annotated[str, Query(max_length=255)] = "",
    point: Annotated[str | None, Query(max_length=255)] = None, page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    cars: Annotated[int, Query(ge=1, le=100_000)] = 1, poles: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """What became of a Period's plan; today's without one."""
    context = context_of(request)
    of = context.period(period) if period else context.today()
    try:
        found = overview_of(context, of.day)
    except MissingError:
        found = None
    lines = matching(found, q) if found else []
    sessions, points = _sessions(found, q), _points(found, q)
    shown, at_poles = _chosen(found, point), _charge_points(found, q)
    return render(
        request, principal, "execution.html", of=of, q=q, page=page, found=found, matching=len(lines),
        lines=lines[(page - 1) * ROWS : page * ROWS], pages=max((len(lines) + ROWS - 1) // ROWS, 1), shown=shown,
        sessions=sessions[(cars - 1) * ROWS : cars * ROWS], cars=cars, car_count=len(sessions),
        car_pages=max((len(sessions) + ROWS - 1) // ROWS, 1), points=points[:ROWS], point_count=len(points),
        picture=_picture(shown, found) if shown and found else "", worst=worst_verdict,
        charge_points=at_poles[(poles - 1) * ROWS : poles * ROWS], poles=poles, pole_count=len(at_poles),
        pole_pages=max((len(at_poles) + ROWS - 1) // ROWS, 1),
    )  # fmt: skip


def _sessions(found: Overview | None, search: str) -> list[SessionLine]:
    """Return the sessions whose name or charge point contains a text, what is not as planned first."""
    text = search.strip().lower()
    lines = [
        line
        for line in (found.sessions if found else ())
        if not text or text in (line.resource or "").lower() or text in (line.charge_point or "").lower()
    ]
    return sorted(lines, key=lambda line: line.standing in _FINE)


def _charge_points(found: Overview | None, search: str) -> list[PointState]:
    """Return the charge points whose name, station or connection contains a text, all where none does."""
    text, points = search.strip().lower(), list(found.charge_points if found else ())
    names = [(one, (one.point.charge_point, one.point.station, one.point.connection)) for one in points]
    return [one for one, known in names if any(text in name.lower() for name in known)] or points


def _points(found: Overview | None, search: str) -> list[PointLine]:
    """Return the congestion points whose address contains a text, all where none does, the farthest off first."""
    text, points = search.strip().lower(), list(found.points if found else ())
    return [line for line in points if text in line.address.lower()] or points


def _chosen(found: Overview | None, address: str | None) -> PointLine | None:
    """Return the congestion point whose curves are shown: the one that was asked for, else the worst."""
    if found is None or not found.points:
        return None
    return next((line for line in found.points if line.address == address), found.points[0])


def _picture(of: PointLine, found: Overview) -> str:
    series: list[dict[str, Any]] = [{"label": "planned, all", "kind": "plan", "values": _rounded(of.planned_kw)}]
    if of.prognosed_kw is not None:
        series.append({"label": "prognosed", "kind": "sent", "values": _rounded(of.prognosed_kw)})
    if of.judged < of.resources:
        series.append(
            {"label": "planned, of those measured", "kind": "limit", "values": _rounded(of.planned_judged_kw)}
        )
    series.append({"label": "measured", "kind": "called", "values": _rounded(of.measured_kw)})
    period = found.period
    return chart(starts=starts_of(period), zone=period.zone_name, unit="kW", series=series, band=None)


def _rounded(values: Any) -> list[float | None]:
    return [None if isnan(value) else round(value, 3) for value in values.tolist()]
