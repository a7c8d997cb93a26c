"""The JSON API for back-ends that fetch setpoints: only what changed since they asked last, as a stream."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from pydantic_core import to_json

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.setpoints import Changes
from agr.web.security import api_for, context_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]

_AT_ONCE = 500
"""Setpoints in one chunk of the stream."""


class SetpointOut(BaseModel):
    """What a resource is to do from an ISP on, as far as it has changed."""

    resource: str
    connection: str
    congestion_point: str | None
    period: date
    plan: int
    revision: int | None  # of the newest D-Prognosis of its congestion point
    isp: int  # the first ISP of `power_kw`, from 1
    start: datetime  # of this ISP
    isp_minutes: int
    power_kw: list[float] | None  # per ISP, consumption positive; null: it has no setpoints any more


class SetpointsOut(BaseModel):
    """Changed setpoints; `revision` is what to ask with next time."""

    revision: str
    setpoints: list[SetpointOut]


@router.get("/setpoints", response_model=SetpointsOut)
def setpoints(
    request: Request, _principal: Reader,
    since: Annotated[
        str, Query(max_length=255, description="The revision of an earlier answer, or an instant; empty: everything.")
    ] = "",
    search: Annotated[
        str, Query(max_length=255, description="Part of the resource's, connection's or congestion point's name.")
    ] = "",
) -> StreamingResponse:  # fmt: skip
    """What resources are to do today and tomorrow, as far as it has changed; ISPs that are over are left out."""
    revision, found = context_of(request).setpoints.since(since)
    return StreamingResponse(_parts(revision, found, search.strip().lower()), media_type="application/json")


def _parts(revision: str, found: Sequence[Changes], search: str) -> Iterator[bytes]:
    """Yield the answer in parts, so that a large one never is in memory as a whole."""
    yield b'{"revision":' + to_json(revision) + b',"setpoints":['
    begun = False
    waiting: list[bytes] = []
    for row in _rows(found, search):
        waiting.append(to_json(row))
        if len(waiting) == _AT_ONCE:
            yield (b"," if begun else b"") + b",".join(waiting)
            begun, waiting = True, []
    yield (b"," if begun and waiting else b"") + b",".join(waiting) + b"]}"


def _rows(found: Sequence[Changes], search: str) -> Iterator[dict[str, object]]:
    for one in found:
        program, period, starts = one.program, one.period, one.period.starts()
        told = {"period": period.day, "plan": program.plan, "isp_minutes": period.isp_minutes}
        spans = zip(one.spans.place.tolist(), one.spans.first.tolist(), one.spans.last.tolist(), strict=True)
        for place, first, last in spans:
            point = program.congestion_point[place]
            names = {"resource": program.resource[place], "connection": program.connection[place]}
            if search and not any(search in name.lower() for name in (*names.values(), point)):
                continue
            yield names | told | {
                "congestion_point": point or None, "revision": one.prognoses.get(point), "isp": first + 1,
                "start": starts[first], "power_kw": (program.power_w[place, first : last + 1] / 1000).tolist(),
            }  # fmt: skip
        for resource in one.gone:
            if search in resource.lower():
                yield told | {
                    "resource": resource, "connection": "", "congestion_point": None, "revision": None, "isp": 1,
                    "start": starts[0], "power_kw": None,
                }  # fmt: skip
