"""The page of programs: what each resource is to do in a Period, searched and in pages, with the files to download."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from agr.domain.kinds import KINDS
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.resource_programs import ResourceProgram, ResourcePrograms
from agr.store import plans
from agr.web.layout import render
from agr.web.named_plan import PlanNumber, plan_of, state_of
from agr.web.security import context_of, narrowed, page_for, sight_of

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]

ROWS = 50
_TABLES = {kind.name: kind.table for kind in KINDS}
_WIDE, _HIGH = 192, 24
"""Width and height of the small picture of a program, in pixels."""
_SEEN_KW = 0.0005


@dataclass(frozen=True, kw_only=True)
class ProgramLine:
    """One resource on the page."""

    program: ResourceProgram
    table: str  # of the register; empty: of no kind there is
    revision: int | None  # of the newest D-Prognosis of its congestion point
    consumed_kwh: float
    produced_kwh: float
    peak_kw: float  # of either sign
    stored_kwh: float | None  # at the end
    shape: str  # the steps of the program, as the path of a picture
    zero: float  # height of 0 kW in it


@router.get("/programs")
@narrowed
def programs(
    request: Request, principal: Viewer, period: str | None = None, q: Annotated[str, Query(max_length=255)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1, plan: PlanNumber = None,
) -> HTMLResponse:  # fmt: skip
    """What each resource is to do in the plan in force, or in another one."""
    context = context_of(request)
    of = context.period(period)
    looked_at = plan_of(context, of, plan)
    found = None if looked_at is None else context.programs.of(looked_at.id).seen_by(sight_of(request, principal, of))
    places = found.matching(q) if found else []
    shown = places[(page - 1) * ROWS : page * ROWS]
    with context.store.transaction() as tx:
        points = [found.congestion_point[place] for place in shown] if found else []
        revisions = plans.newest_revisions(tx, of.day, points)
    return render(
        request, principal, "programs.html", of=of, q=q, page=page, plan=plan, found=found, matching=len(places),
        plan_state=state_of(context, of, plan), pages=max((len(places) + ROWS - 1) // ROWS, 1),
        lines=_lines(found, shown, revisions) if found else [], wide=_WIDE, high=_HIGH,
    )  # fmt: skip


def _lines(found: ResourcePrograms, places: list[int], revisions: dict[str, int]) -> list[ProgramLine]:
    hours = found.period.isp_hours
    lines = []
    for place in places:
        program = found[place]
        power, stored = program.power_kw, program.stored_kwh
        shape, zero = _shape(power)
        lines.append(
            ProgramLine(
                program=program,
                table=_TABLES.get(program.kind, ""),
                revision=revisions.get(program.congestion_point),
                consumed_kwh=float(np.maximum(power, 0).sum()) * hours,
                produced_kwh=float(np.maximum(-power, 0).sum()) * hours,
                peak_kw=float(power[np.abs(power).argmax()]),
                stored_kwh=None if stored is None else float(stored[-1]),
                shape=shape,
                zero=zero,
            )
        )
    return lines


def _shape(power: "np.ndarray[Any, np.dtype[np.float64]]") -> tuple[str, float]:
    """Return the path of a program's steps, and the height of 0 kW; the whole range of its powers fills the picture."""
    low, high = min(float(power.min()), 0.0), max(float(power.max()), 0.0)
    if high - low < _SEEN_KW:
        low, high = -1.0, 1.0
    span = high - low
    heights = 1 + (high - power) / span * (_HIGH - 2)
    across = _WIDE / len(power)
    steps = "".join(
        f"{'M' if isp == 0 else 'L'}{isp * across:.1f} {height:.1f}H{(isp + 1) * across:.1f}"
        for isp, height in enumerate(heights)
    )
    return steps, 1 + high / span * (_HIGH - 2)
