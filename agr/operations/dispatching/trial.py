"""Tries the roads to charge points for `agr check`, and says in words what is wrong. Nothing is sent to a station."""

from contextlib import closing
from dataclasses import dataclass, field

import httpx

from agr.connectors.answers import Answers
from agr.connectors.citrineos import CitrineRoad, open_road
from agr.connectors.posting import place_of
from agr.domain.charge_point import OCPP_201, ChargePoint
from agr.domain.errors import AgrError
from agr.domain.faults import meant
from agr.operations.commands import open_store
from agr.settings import DispatchRoad, Settings
from agr.settings.dispatch import on_loopback
from agr.store import register

_PATIENCE_S = 10.0
_NAMED = 5


@dataclass
class Tried:
    """What trying showed: what does not work, and what is doubtful."""

    faults: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def try_roads(settings: Settings) -> Tried:
    """Ask every road whether it is there, lets us in and knows our stations."""
    found = Tried()
    roads = settings.dispatch.roads
    try:
        with closing(open_store(settings)) as store, store.transaction() as tx:
            points = register.load_tables(tx, "charge_points").charge_points
    except AgrError:  # said by the check of the configuration
        return found
    names = [road.name for road in roads]
    for name in sorted({point.road for point in points} - set(names)):
        mine = [point.charge_point for point in points if point.road == name]
        hint = meant(name, names) if names else "there is none"
        found.faults.append(
            f"dispatch: charge point {_listed(mine)} is reached by {name!r}, which is not in [[dispatch.roads]]; {hint}"
        )
    for road in roads:
        _try(road, [point for point in points if point.road == road.name], settings, found)
    return found


def _try(road: DispatchRoad, points: list[ChargePoint], settings: Settings, found: Tried) -> None:
    quick = road.model_copy(update={"timeout_s": _PATIENCE_S})
    place = f"dispatch: road {road.name}"
    if not points:
        found.doubts.append(f"{place}: no row of the table charge_points is reached by it")
    try:
        opened = open_road(quick, Answers(base=lambda: "http://127.0.0.1", secret=b""), settings.tls.authorities_file)
        with closing(opened):
            _ask(opened, road, points, place, found)
    except httpx.HTTPError as error:
        found.faults.append(f"{place}: {place_of(road.url)} cannot be reached ({error}); is it running? check url")
    except AgrError as error:
        found.faults.append(f"{place}: {error}")


def _ask(opened: CitrineRoad, road: DispatchRoad, points: list[ChargePoint], place: str, found: Tried) -> None:
    status = opened.allowed()
    if status in (401, 403):
        found.faults.append(
            f"{place}: it does not let us in (HTTP {status}); check token_env, and the roles of the token"
        )
        return
    if status != 200:
        found.faults.append(f"{place}: it answers a question for subscriptions with HTTP {status}; is this CitrineOS?")
        return
    if opened.open_to_anybody() and (road.token_env is not None or not on_loopback(road.url)):
        found.doubts.append(
            f"{place}: it answers without a token: whoever reaches it can steer every station. Turn its authentication "
            "on (OIDC in place of localByPass)"
        )
    unreported = []
    for point in {point.station: point for point in points if point.protocol == OCPP_201}.values():
        units = opened.unit_of(point)
        if units is None:
            unreported.append(point.station)
            continue
        if point.limit_unit not in units:
            found.faults.append(
                f"{place}: station {point.station} takes limits in {' or '.join(units)}, and the table says "
                f"{point.limit_unit}; correct the column unit of {point.charge_point}"
            )
        periods = opened.periods_of(point)
        if periods is not None and periods < point.max_periods:
            found.doubts.append(
                f"{place}: station {point.station} takes {periods} periods per schedule, the table says "
                f"{point.max_periods}: longer plans are refused once; correct the column max_periods"
            )
    if unreported:
        found.doubts.append(
            f"{place}: station {_listed(unreported)} has not told what it takes: it is not known there, was never "
            "connected, or was not asked yet; the daemon asks when it sends to it"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
