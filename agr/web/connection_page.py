"""The page of a connection, and the same as JSON: its devices against what limits them together, and what is paid."""

from datetime import date, datetime
from math import isfinite
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from agr.domain.errors import MissingError
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.at_connection import AtConnection, Bill, LimitedTogether, at_connection
from agr.operations.resource_programs import ResourceProgram
from agr.operations.sight import Sight
from agr.store import register_rows
from agr.web.context import WebContext
from agr.web.layout import chart, render, starts_of
from agr.web.named_plan import PlanNumber, plan_of, state_of
from agr.web.program_routes import Plan
from agr.web.security import api_for, context_of, narrowed, page_for, sight_of

router = APIRouter(include_in_schema=False)
api_router = APIRouter()
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]

STACKED = 7
"""Most devices with a layer of their own in the chart; all others share one more layer."""
_TABLES = {kind.name: kind.table for kind in KINDS}


class DeviceOut(BaseModel):
    """What one device behind a connection is to do."""

    resource: str
    kind: str
    power_kw: list[float]  # per ISP, consumption positive
    stored_kwh: list[float] | None  # at the end of each ISP; null: it stores nothing


class LimitedTogetherOut(BaseModel):
    """What limits a connection, or a group of connections around it, per ISP; null: no limit."""

    at: str  # connection or group
    import_limit_kw: list[float | None]
    export_limit_kw: list[float | None]  # as a power: not above zero
    drawn_kw: list[float]  # by everything behind it, without reserve
    import_breach_kw: list[float]  # with reserve that is sold
    export_breach_kw: list[float]


class BillOut(BaseModel):
    """What is paid at a connection in a Period, in the market's currency; negative: earned."""

    energy_eur: float  # at the day-ahead price of every ISP
    tariff_eur: float  # on top of it
    peak_eur: float
    peak_kw: float  # the highest import that a peak charge counts
    total_eur: float


class ConnectionOut(BaseModel):
    """One connection in a plan; lists have a value per ISP."""

    connection: str
    congestion_point: str | None
    period: date
    plan: int
    start: datetime
    isp_minutes: int
    isps: int
    devices: list[DeviceOut]
    power_kw: list[float]  # of all devices, consumption positive
    unmanaged_kw: list[float]  # if nobody steered them
    limits: list[LimitedTogetherOut]  # the connection's own first, then those of groups around it
    market_eur_per_mwh: list[float]  # day-ahead
    import_eur_per_mwh: list[float]  # the same, and what the tariff adds
    export_eur_per_mwh: list[float]
    planned: BillOut
    unmanaged: BillOut
    held_by: list[list[str]]  # what binds there, in words


@api_router.get("/days/{period}/connections/{connection:path}", name="connection")
@narrowed
def connection_json(
    request: Request, principal: Reader, period: date, connection: str, plan: Plan = None
) -> ConnectionOut:
    """One connection in a plan: its devices, what limits them together, prices with tariffs, and what is paid."""
    context = context_of(request)
    of = context.actions.period(period)
    number, found = _found(context, of, connection, plan, sight_of(request, principal, of))
    if number is None:
        raise MissingError(f"there is no plan for {of} yet")
    if found is None:
        raise MissingError(f"nothing behind {connection} takes part in plan {number}")
    return ConnectionOut(
        connection=connection, congestion_point=found.congestion_point or None, period=of.day, plan=number,
        start=of.start, isp_minutes=of.isp_minutes, isps=of.isp_count,
        devices=[
            DeviceOut(
                resource=one.resource, kind=one.kind, power_kw=one.power_kw.tolist(),
                stored_kwh=None if one.stored_kwh is None else one.stored_kwh.tolist(),
            )
            for one in found.devices
        ],
        power_kw=found.power_kw.tolist(), unmanaged_kw=found.unmanaged_kw.tolist(),
        limits=[_limit_out(one) for one in found.limits], market_eur_per_mwh=found.market_eur_per_mwh.tolist(),
        import_eur_per_mwh=found.import_eur_per_mwh.tolist(), export_eur_per_mwh=found.export_eur_per_mwh.tolist(),
        planned=_bill_out(found.planned), unmanaged=_bill_out(found.unmanaged),
        held_by=[list(words) for words in found.held_by],
    )  # fmt: skip


@router.get("/connections/{day_}/{connection:path}")
@narrowed
def connection_(
    request: Request, principal: Viewer, day_: str, connection: str, plan: PlanNumber = None
) -> HTMLResponse:
    """One connection: its devices stacked against its limits, prices with tariffs, its bill, and what binds."""
    context = context_of(request)
    of = context.period(day_)
    number, found = _found(context, of, connection, plan, sight_of(request, principal, of))
    return render(
        request, principal, "connection.html", of=of, address=connection, plan=plan, number=number, found=found,
        plan_state=state_of(context, of, plan), tables=_TABLES, unit=f"{context.settings.currency}/MWh",
        data=_picture(of, found, f"{context.settings.currency}/MWh") if found else "",
        stacked=_stacked(found) if found else [], isps=_isps(of, found) if found else [],
        hours=of.isp_hours,
    )  # fmt: skip


def _found(
    context: WebContext, of: Period, address: str, plan: int | None, sight: Sight
) -> tuple[int | None, AtConnection | None]:
    """Return the plan that is looked at, and the connection in it. Raises MissingError for what is not seen."""
    looked_at = plan_of(context, of, plan)
    with context.store.transaction() as tx:
        known = bool(register_rows.rows_named(tx, "connections", [address]))
    if not known or not sight.place(address):
        raise MissingError(f"there is no connection {address!r} in the register; it may have been removed")
    if looked_at is None:
        return None, None
    programs, solved = context.programs.of(looked_at.id), context.plan_cache.solved(looked_at.id)
    return looked_at.id, at_connection(programs, solved, address, sight.place)


def _limit_out(one: LimitedTogether) -> LimitedTogetherOut:
    return LimitedTogetherOut(
        at=one.at, import_limit_kw=_known(one.import_kw), export_limit_kw=_known(one.export_kw),
        drawn_kw=one.drawn_kw.tolist(), import_breach_kw=one.import_breach_kw.tolist(),
        export_breach_kw=one.export_breach_kw.tolist(),
    )  # fmt: skip


def _bill_out(bill: Bill) -> BillOut:
    return BillOut(**vars(bill), total_eur=bill.total_eur)


def _known(values: Any) -> list[float | None]:
    return [round(value, 6) if isfinite(value) else None for value in values.tolist()]


def _stacked(found: AtConnection) -> list[tuple[str, Any]]:
    """Return (name, power) of the layers: the devices that move most energy, and all others together."""
    ranked = sorted(found.devices, key=lambda one: -float(np.abs(one.power_kw).sum()))
    shown = ranked if len(ranked) <= STACKED + 1 else ranked[:STACKED]
    layers = [(one.resource, one.power_kw) for one in shown]
    if len(shown) < len(ranked):
        layers.append((f"{len(ranked) - len(shown)} more devices", _together(ranked[len(shown) :])))
    return layers


def _together(devices: list[ResourceProgram]) -> Any:
    return np.sum([one.power_kw for one in devices], axis=0)


def _picture(of: Period, found: AtConnection, unit: str) -> str:
    """Return the chart's data: devices stacked, all together, unmanaged, limits, and prices below."""

    def one(label: str, kind: str, values: Any, **more: Any) -> dict[str, Any]:
        known = _known(values)
        return {"label": label, "kind": kind, "values": known if any(v is not None for v in known) else None, **more}

    series = [one("planned, all", "plan", found.power_kw), one("unmanaged", "called", found.unmanaged_kw)]
    if found.import_kw is not None and found.export_kw is not None:
        series += [one("import limit", "limit", found.import_kw), one("export limit", "limit", found.export_kw)]
    own, scale = found.devices[0].connection, _scale_kw(found)
    for limit in (limit for limit in found.limits if limit.at != own):
        most, least = found.left_by(limit)
        series += [one(f"import that {limit.at} leaves", "dso", np.where(most <= scale, most, np.inf))]
        series += [one(f"export that {limit.at} leaves", "dso", np.where(least >= -scale, least, -np.inf))]
    prices = [("market", found.market_eur_per_mwh), ("import", found.import_eur_per_mwh)]
    prices += [("export", found.export_eur_per_mwh)]
    series += [one(f"price: {name}", "price", values, below=True) for name, values in prices]
    stack = [{"label": name, "values": _known(power)} for name, power in _stacked(found)]
    return chart(starts=starts_of(of), zone=of.zone_name, unit="kW", series=series, stack=stack, below=unit, band=None)


def _scale_kw(found: AtConnection) -> float:
    """Return the power at which the chart cuts off what groups leave: beyond the connection's size it says nothing."""
    own = (side for side in (found.import_kw, found.export_kw) if side is not None)
    powers = [found.power_kw, found.unmanaged_kw, *own]
    return 1.25 * max(float(np.abs(one[np.isfinite(one)]).max(initial=0.0)) for one in powers)


def _isps(of: Period, found: AtConnection) -> list[dict[str, Any]]:
    """Return the rows of the table: one per ISP."""
    own = {one.at: one for one in found.limits}.get(found.devices[0].connection)
    layers = _stacked(found)
    return [
        {
            "label": of.label(isp + 1), "isp": isp + 1, "devices": [power[isp] for _, power in layers],
            "power": found.power_kw[isp], "unmanaged": found.unmanaged_kw[isp],
            "import_kw": own.import_kw[isp] if own else None, "export_kw": own.export_kw[isp] if own else None,
            "left": [tuple(side[isp] for side in found.left_by(one)) for one in found.limits if one is not own],
            "breach": max((one.import_breach_kw[isp] + one.export_breach_kw[isp] for one in found.limits), default=0.0),
            "market": found.market_eur_per_mwh[isp],
            "with_tariff": (found.import_eur_per_mwh if found.power_kw[isp] >= 0 else found.export_eur_per_mwh)[isp],
            "held_by": found.held_by[isp],
        }
        for isp in range(of.isp_count)
    ]  # fmt: skip
