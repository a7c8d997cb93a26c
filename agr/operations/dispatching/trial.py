"""Tries the roads to charge points for `agr check`, and says in words what is wrong. No limit is sent to a station."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import httpx

from agr.connectors.answers import AnswerAddresses
from agr.connectors.citrineos import CitrineRoad, open_road
from agr.connectors.posting import place_of
from agr.domain.charge_point import OCPP_16, OCPP_201, ChargePoint
from agr.domain.dispatch import StationFact
from agr.domain.errors import AgrError
from agr.domain.faults import meant
from agr.operations.commands import open_store
from agr.operations.dispatching.asking import Told, limits_taken, listening
from agr.settings import DispatchRoad, Settings
from agr.settings.dispatch import on_loopback
from agr.store import dispatch_facts, register

_PATIENCE_S = 10.0
_NAMED = 5
Taken = tuple[tuple[str, ...], int | None]
"""(units of limits that a station accepts, most periods of a schedule); None: it did not say."""


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
            facts = {(one.road, one.station): one for one in dispatch_facts.of_road(tx) if one.fact is StationFact.UNIT}
    except AgrError:  # said by the check of the configuration
        return found
    names = [road.name for road in roads]
    for name in sorted({point.road for point in points} - set(names)):
        mine = [point.charge_point for point in points if point.road == name]
        hint = meant(name, names) if names else "there is none"
        found.faults.append(
            f"dispatch: charge point {_listed(mine)} is reached by {name!r}, which is not in [[dispatch.roads]]; {hint}"
        )
    with listening(settings) as ears:
        for road in roads:
            here = [point for point in points if point.road == road.name]
            known = {station: one.value for (name, station), one in facts.items() if name == road.name}
            _try(road, here, settings, found, ears, known)
    return found


def _try(
    road: DispatchRoad, points: list[ChargePoint], settings: Settings, found: Tried,
    ears: tuple[AnswerAddresses, Told] | None, known: Mapping[str, str],
) -> None:  # fmt: skip
    quick = road.model_copy(update={"timeout_s": _PATIENCE_S})
    place = f"dispatch: road {road.name}"
    if not points:
        found.doubts.append(f"{place}: no row of the table charge_points is reached by it")
    try:
        answers = ears[0] if ears else AnswerAddresses(base=lambda: "http://127.0.0.1", secret=b"")
        opened = open_road(quick, answers, settings.tls.authorities_file)
        with closing(opened):
            if _lets_in(opened, road, place, found):
                taken = _reported(opened, points) | _found_out(opened, quick, points, ears, known)
                _compare(points, taken, place, found)
    except httpx.HTTPError as error:
        found.faults.append(f"{place}: {place_of(road.url)} cannot be reached ({error}); is it running? check url")
    except AgrError as error:
        found.faults.append(f"{place}: {error}")


def _lets_in(opened: CitrineRoad, road: DispatchRoad, place: str, found: Tried) -> bool:
    status = opened.allowed()
    if status in (401, 403):
        found.faults.append(
            f"{place}: it does not let us in (HTTP {status}); check token_env, and the roles of the token"
        )
        return False
    if status != 200:
        found.faults.append(f"{place}: it answers a question for subscriptions with HTTP {status}; is this CitrineOS?")
        return False
    if opened.open_to_anybody() and (road.token_env is not None or not on_loopback(road.url)):
        found.doubts.append(
            f"{place}: it answers without a token: whoever reaches it can steer every station. Turn its authentication "
            "on (OIDC in place of localByPass)"
        )
    return True


def _stations(points: Sequence[ChargePoint], protocol: str) -> list[ChargePoint]:
    return list({point.station: point for point in points if point.protocol == protocol}.values())


def _reported(opened: CitrineRoad, points: Sequence[ChargePoint]) -> dict[str, Taken]:
    """Return station → what those of OCPP 2.0.1 have told the back-end."""
    found = {}
    for point in _stations(points, OCPP_201):
        units = opened.unit_of(point)
        if units is not None:
            found[point.station] = (units, opened.periods_of(point))
    return found


def _found_out(
    opened: CitrineRoad, road: DispatchRoad, points: Sequence[ChargePoint], ears: tuple[AnswerAddresses, Told] | None,
    known: Mapping[str, str],
) -> dict[str, Taken]:  # fmt: skip
    """Return station → what those of OCPP 1.6 answer now; else what the daemon has found out by their refusals."""
    old = _stations(points, OCPP_16)
    found: dict[str, Taken] = {point.station: ((unit,), None) for point in old if (unit := known.get(point.station))}
    return found | (limits_taken(opened, road, old, ears[1]) if ears and old else {})


def _compare(points: Sequence[ChargePoint], taken: Mapping[str, Taken], place: str, found: Tried) -> None:
    """Compare what stations take with the table."""
    for point in {point.station: point for point in points}.values():
        units, periods = taken.get(point.station, ((), None))
        if units and point.limit_unit not in units:
            found.faults.append(
                f"{place}: station {point.station} takes limits in {' or '.join(units)}, and the table says "
                f"{point.limit_unit}; correct the column unit of {point.charge_point}"
            )
        if periods is not None and periods < point.max_periods:
            found.doubts.append(
                f"{place}: station {point.station} takes {periods} periods per schedule, the table says "
                f"{point.max_periods}: longer plans are refused once; correct the column max_periods"
            )
    unreported = [point.station for point in _stations(points, OCPP_201) if point.station not in taken]
    if unreported:
        found.doubts.append(
            f"{place}: station {_listed(unreported)} has not told what it takes: it is not known there, was never "
            "connected, or was not asked yet; the daemon asks when it sends to it"
        )
    silent = [point.station for point in _stations(points, OCPP_16) if not taken.get(point.station, ((), None))[0]]
    if silent:
        found.doubts.append(
            f"{place}: which unit station {_listed(silent)} takes is not known (OCPP 1.6): it does not say it, is not "
            "connected, or the daemon runs and its answers go there; A is taken by all"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
