"""The page about balance responsible parties (BRPs): e-programs, answers, imbalance exposure."""

from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from agr.nomination.exposure import Exposure, Exposures, exposures
from agr.nomination.split import Floats
from agr.operations.accounts.roles import Permission, Principal
from agr.store import nominations
from agr.web.layout import chart, render, starts_of
from agr.web.nomination_routes import seen_exposures
from agr.web.security import context_of, narrowed, page_for, sight_of

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]


@router.get("/brps")
@narrowed
def brps(request: Request, principal: Viewer, period: str | None = None) -> HTMLResponse:
    """What each BRP was told of a Period, how it answered, and what imbalance may cost."""
    context = context_of(request)
    of = context.period(period)
    with context.store.transaction() as tx:
        found = exposures(tx, context.settings, of)
        history = nominations.history(tx, of.day)
    sight = sight_of(request, principal)
    found = seen_exposures(found, sight)
    shown = [one for one in context.settings.brps if sight.brp(one.name)]
    history = [one for one in reversed(history) if sight.brp(one.brp)]
    return render(
        request, principal, "brps.html", of=of, brps=shown, found={e.brp: e for e in found.brps},
        history=history, sums={e.brp: _sums(e) for e in found.brps}, rows=_rows(found),
        stand_in=int(found.prices.stand_in.sum()), crossing_mwh=float(found.crossing_mwh.sum()),
        crossing_eur=float(found.crossing_eur.sum()),
        picture=_picture(found), gates={b.name: b.gate.gate(b.name).instant(of) for b in context.settings.brps},
    )  # fmt: skip


def _sums(of: Exposure) -> dict[str, float | None]:
    """Return a BRP's day: short and long apart, because they do not make up for each other."""
    return {
        "energy_mwh": float(of.energy_mwh.sum()),
        "short_mwh": float(np.maximum(of.uncovered_mwh, 0.0).sum()),
        "long_mwh": float(np.maximum(-of.uncovered_mwh, 0.0).sum()),
        "uncovered_eur": float(of.uncovered_eur.sum()),
        "unaccepted_mwh": None if of.unaccepted_mwh is None else float(np.abs(of.unaccepted_mwh).sum()),
        "unaccepted_eur": None if of.unaccepted_eur is None else float(of.unaccepted_eur.sum()),
    }


def _rows(found: Exposures) -> list[dict[str, Any]]:
    """Return the ISPs in which a BRP is exposed, in order of time."""
    rows: list[dict[str, Any]] = []
    starts = found.period.starts()
    for place, start in enumerate(starts):
        rows += [_row(of, found, place, start) for of in found.brps if _exposed(of, place)]
    return rows


def _exposed(of: Exposure, place: int) -> bool:
    return bool(of.uncovered_mwh[place]) or (of.unaccepted_mwh is not None and bool(of.unaccepted_mwh[place]))


def _row(of: Exposure, found: Exposures, place: int, start: datetime) -> dict[str, Any]:
    def at(values: Floats | None) -> float | None:
        return None if values is None else float(values[place])

    return {
        "brp": of.brp, "isp": place + 1, "start": start, "energy_mwh": at(of.energy_mwh),
        "uncovered_mwh": at(of.uncovered_mwh), "uncovered_eur": at(of.uncovered_eur),
        "unaccepted_mwh": at(of.unaccepted_mwh), "unaccepted_eur": at(of.unaccepted_eur),
        "stand_in": bool(found.prices.stand_in[place]),
    }  # fmt: skip


def _picture(found: Exposures) -> str:
    series: list[dict[str, Any]] = []
    for of in found.brps:
        series.append({"label": f"{of.brp}: energy", "kind": "plan", "values": _rounded(of.energy_mwh)})
        if of.accepted is not None and of.unaccepted_mwh is not None:
            accepted = _rounded(of.energy_mwh - of.unaccepted_mwh)
            series.append({"label": f"{of.brp}: accepted", "kind": "sent", "values": accepted})
        if of.uncovered_mwh.any():
            uncovered = _rounded(of.uncovered_mwh)
            series.append({"label": f"{of.brp}: not covered", "kind": "limit", "values": uncovered})
    period = found.period
    return chart(starts=starts_of(period), zone=period.zone_name, unit="MWh", series=series, band=None)


def _rounded(values: Floats) -> list[float]:
    return [round(value, 6) for value in values.tolist()]
