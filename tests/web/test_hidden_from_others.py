"""Accounts that act for some DSOs or balance responsible parties only see what concerns these, at every address."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from fastapi.routing import iter_route_contexts

from agr.domain.e_program import EProgram
from agr.domain.isp import Period
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import CongestionPoint, Connection, ConnectionLimit, Contract, Forecast, LimitGroup, Register
from agr.operations.sight import Sights
from agr.settings import Brp
from agr.store import day, nominations, outbox, overrides, portfolio, register
from agr.store.register_rows import TABLES
from agr.web.application import operators_app
from tests.builders.accounts import account, principal
from tests.builders.operators_side import Desk
from tests.builders.worlds import NOW, PERIOD, World, prices

DAY = str(PERIOD.day)
OURS, THEIRS = "supplier", "moonlight"
DSO, FAR_DSO = "dso.example", "far-grid.example"
MINE = {"point": "ea1.2024-01.example.dso:near", "connection": "ean.111000000000000001", "resource": "near-load",
        "contract": "FO-near", "brp": OURS, "group": "near-street"}  # fmt: skip
OTHERS = {"point": "ea1.2024-01.example.far-grid:away", "connection": "ean.777000000000000002", "resource": "away-load",
          "contract": "FO-away", "brp": THEIRS, "group": "away-street"}  # fmt: skip
HIDDEN = (*OTHERS.values(), FAR_DSO, "77.77")
"""What must stand nowhere. 77.77 is what the other's load takes, in kW."""


@dataclass(frozen=True)
class Route:
    """An address, and whether it shows each account only what it may see."""

    path: str
    narrowed: bool


WITHOUT_LOG_IN = ("/login", "/logout", "/setup", "/healthz", "/readyz")


def _world(folder: Path) -> World:
    world = World(folder)
    world.settings = world.settings.model_copy(update={"brps": (Brp(name=OURS), Brp(name=THEIRS, balance="itself"))})
    return world


def _know(world: World) -> None:
    first, both = date(2026, 1, 1), ((MINE, DSO, 11.11), (OTHERS, FAR_DSO, 77.77))
    with world.store.transaction() as tx:
        register.replace(tx, Register(
            connections=tuple(
                Connection(address=o["connection"], first_day=first, brp=o["brp"], limit_group=o["group"])
                for o, _, _ in both
            ),
            resources=tuple(FixedLoad(resource=o["resource"], connection=o["connection"]) for o, _, _ in both),
            limit_groups=tuple(LimitGroup(group=o["group"]) for o, _, _ in both),
            connection_limits=tuple(
                ConnectionLimit(at=at, first_day=first, import_kw=500 + kw, export_kw=None, penalty_eur_per_mwh=500)
                for o, _, kw in both for at in (o["connection"], o["group"])
            ),
            contracts=tuple(
                Contract(
                    contract=o["contract"], dso=dso, congestion_point=o["point"], first_day=first,
                    last_day=date(2026, 12, 31), window_start=time(0), window_end=time(0), power_w=-5000,
                    availability_eur_per_mw_h=1, penalty_eur_per_mwh=3000,
                ) for o, dso, _ in both
            ),
            forecasts=tuple(
                Forecast(resource=o["resource"], quantity="power_kw", period=PERIOD, values=(kw,) * PERIOD.isp_count)
                for o, _, kw in both
            ),
            prices=prices("day_ahead_forecast", PERIOD),
        ))  # fmt: skip
        points = tuple(
            CongestionPoint(address=o["point"], dso=dso, connections=(o["connection"],)) for o, dso, _ in both
        )
        portfolio.replace(tx, PERIOD.day, "cro.example", points, ())
        portfolio.set_answer(tx, PERIOD.day, "cro.example", "answered", NOW)


def _happen(world: World) -> None:
    """Let messages, e-programs, alarms, reservations and outages of both be there."""
    nothing = (0,) * PERIOD.isp_count
    with world.store.transaction() as tx:
        for o, dso in ((MINE, DSO), (OTHERS, FAR_DSO)):
            outbox.put(
                tx, message_id=f"m-{o['brp']}", conversation_id=f"c-{o['brp']}", kind="D-Prognosis",
                recipient_domain=dso, recipient_role="DSO", xml=f"<x a='{o['point']}'/>".encode(), at=NOW,
                period=PERIOD.day, subject=o["point"],
            )  # fmt: skip
            content = EProgram(power_w=nothing, day_ahead_w=nothing, intraday_w=nothing, imbalance_w=nothing)
            nominations.put(
                tx, PERIOD.day, o["brp"], revision=1, plan=1, message_id=f"n-{o['brp']}", content=content, at=NOW,
                answer_due_at=NOW,
            )  # fmt: skip
            day.raise_alarm(tx, f"about the {o['brp']}", f"{o['point']} {DAY}", f"look at {o['connection']}", NOW)
            overrides.mark_unavailable(tx, o["resource"], PERIOD.day, PERIOD.day, NOW, "anna", "broken")
            day.put_reservation(tx, o["contract"], PERIOD.day, nothing, f"by hand {o['brp']}", NOW)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    world = _world(Path(tmp_path_factory.mktemp("hidden")))
    opened = Desk(world)
    _know(world)
    opened.plan()
    _happen(world)
    yield opened
    opened.close()


def _client(desk: Desk, name: str, *, dsos: tuple[str, ...] = (), brps: tuple[str, ...] = ()) -> httpx.Client:
    """Return a client that pages take by its session and the API by a token."""
    session = account(desk.daemon.authentication, name, "operator")
    if dsos:
        desk.daemon.authentication.change_dsos("test", name, dsos)
    if brps:
        desk.daemon.authentication.change_brps("test", name, brps, (OURS, THEIRS))
    client = desk.anybody()
    client.cookies.set("agr_session", session)
    return client


@pytest.fixture(scope="module")
def narrow(desk: Desk) -> dict[str, httpx.Client]:
    return {"DSO": _client(desk, "dora", dsos=(DSO,)), "BRP": _client(desk, "bob", brps=(OURS,))}


def _routes(desk: Desk) -> list[Route]:
    """Return everything that can be got by somebody who has logged in."""
    app = operators_app(desk.daemon.operators)
    found = [
        Route(str(one.path), narrowed=hasattr(one.endpoint, "shows_what_is_seen"))
        for one in iter_route_contexts(app.routes)
        if "GET" in (one.methods or ()) and not str(one.path).startswith(WITHOUT_LOG_IN)
    ]
    assert len(found) > 50
    return found


def _paths(route: Route, about: dict[str, str]) -> list[str]:
    """Return addresses of a route with every name filled in."""
    names = {
        "period": DAY, "day_": DAY, "address": about["point"], "plan": "1", "number": "1", "trigger": "1",
        "message_id": f"n-{about['brp']}", "contract": about["contract"], "resource": about["resource"],
        "connection": about["connection"],
        "series": "day_ahead", "conversation": f"c-{about['brp']}", "market": "day-ahead",
    }  # fmt: skip
    tables = TABLES if "{table}" in route.path else ("",)
    pattern = route.path.replace(":path}", "}")
    return [pattern.format(**names, table=table) for table in tables]


def _text(answer: httpx.Response) -> str:
    kind = answer.headers["content-type"]
    if kind == "application/zip":
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        return "".join(archive.read(name).decode() for name in archive.namelist())
    if "parquet" in kind:
        return str(pq.read_table(io.BytesIO(answer.content)).to_pylist())  # type: ignore[no-untyped-call]
    return answer.text


@pytest.mark.parametrize("limit", ["DSO", "BRP"])
def test_no_address_tells_of_others(desk: Desk, narrow: dict[str, httpx.Client], limit: str) -> None:
    answered: dict[str, str] = {}
    for route in _routes(desk):
        if route.path == "/events":
            continue  # names topics only, and does not end
        for about in (MINE, OTHERS):
            for path in _paths(route, about):
                query = {"key": about["connection"]} if path.endswith(("/row", "/edit")) else {}
                answer = narrow[limit].get(path, params=query | _asked(route))
                if answer.status_code == 200:
                    answered[path] = _text(answer)
                    wrong = [word for word in HIDDEN if word in answered[path]]
                    assert not wrong, f"{path} tells {limit}: {wrong}"
                else:
                    assert answer.status_code in (303, 403, 404, 422), (path, answer.status_code, answer.text)
    for path, own in (
        (f"/api/v1/days/{DAY}/points", "point"), (f"/points/{DAY}/{MINE['point']}", "connection count"),
        ("/programs", "resource"), (f"/api/v1/days/{DAY}/programs.csv", "resource"),
        (f"/api/v1/days/{DAY}/programs.parquet", "resource"), ("/register/connections", "connection"),
        ("/register/tables.zip", "contract"), ("/api/v1/register/connection_limits", "connection"),
        (f"/connections/{DAY}/{MINE['connection']}", "resource"), (f"/connections/{DAY}/{MINE['connection']}", "group"),
        (f"/api/v1/days/{DAY}/connections/{MINE['connection']}", "resource"),
        (f"/api/v1/days/{DAY}/reservations", "contract"), ("/reservations", "resource"), ("/alarms", "point"),
    ):  # fmt: skip
        assert MINE.get(own, MINE["point"]) in answered[path], path
    if limit == "BRP":
        assert OURS in answered[f"/api/v1/days/{DAY}/nominations"]
        assert f"/api/v1/nominations/n-{OURS}/e-program.csv" in answered
    assert not any(OTHERS["point"] in path or THEIRS in path or OTHERS["contract"] in path for path in answered)


def _asked(route: Route) -> dict[str, str]:
    """Return the query of pages that show tomorrow unless they are asked otherwise."""
    return {"period": DAY} if route.path in ("/points", "/programs", "/brps", "/reservations") else {}


def test_what_is_not_narrowed_is_refused_and_new_pages_are_so_from_the_start(
    desk: Desk, narrow: dict[str, httpx.Client]
) -> None:
    shown = {route.path for route in _routes(desk) if route.narrowed}
    refused = [route for route in _routes(desk) if route.path not in shown]
    assert {"/markets", "/history", "/outbox", "/log", "/api/v1/messages", "/metrics"} <= {r.path for r in refused}
    for route in refused:
        for path in _paths(route, MINE)[:1]:
            answer = narrow["BRP"].get(path)
            if answer.status_code != 303:
                assert answer.status_code == 403, path
                assert f"bob sees only what concerns {OURS}" in answer.text or "token" in answer.text, path
    assert narrow["BRP"].get("/").headers["location"] == "/points"


def test_forms_show_no_row_of_others(desk: Desk, narrow: dict[str, httpx.Client]) -> None:
    page = narrow["BRP"].get("/register/connections/edit", params={"key": MINE["connection"]}).text
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    for key, status in ((MINE["connection"], 200), (OTHERS["connection"], 404)):
        answer = narrow["BRP"].post(
            "/register/connections/edit", params={"key": key},
            data={"csrf": csrf, "step": "look", "cell address": key, "cell first_day": "2026-02-02"},
        )  # fmt: skip
        assert answer.status_code == status, answer.text
        assert THEIRS not in answer.text
    answer = narrow["BRP"].post(f"/reservations/{DAY}/{OTHERS['contract']}", data={"csrf": csrf, "share": "50"})
    assert answer.status_code == 404


def test_what_a_trade_makes_of_the_whole_portfolio_is_not_told(desk: Desk, narrow: dict[str, httpx.Client]) -> None:
    told = []
    for number, client in enumerate((narrow["BRP"], _client(desk, "tom"))):
        csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/account").text)[0]
        trade = {"trade": f"T-{number}", "start": PERIOD.starts()[40].isoformat(), "mw": 900, "price_eur_per_mwh": 50,
                 "brp": OURS, "why": "traded"}  # fmt: skip
        answer = client.post("/api/v1/trades", json=trade, headers={"x-csrf-token": csrf})
        assert answer.status_code == 200, answer.text
        told.append(len(answer.json()["warnings"]))
    assert told == [0, 1]


def test_others_see_everything_and_so_does_everybody_where_the_settings_say_so(desk: Desk) -> None:
    everything = _client(desk, "anna").get(f"/api/v1/days/{DAY}/points").text
    assert MINE["point"] in everything
    assert OTHERS["point"] in everything
    limited = principal("bob", "viewer").acting_for(frozenset(), frozenset({OURS}))
    settings = desk.world.settings
    shown = settings.model_copy(update={"operators": settings.operators.model_copy(update={"hide_others": False})})
    for known, expected in ((settings, False), (shown, True)):
        sight = Sights(desk.world.store, known).of(limited, [PERIOD])
        assert sight.place(OTHERS["point"]) is expected
        assert sight.place(MINE["point"])


def test_a_point_with_connections_of_several_parties_is_nobody_s_alone(tmp_path: Path) -> None:
    world = _world(tmp_path)
    _know(world)
    shared, both = "ea1.2024-01.example.dso:shared", (MINE["connection"], OTHERS["connection"])
    following = Period(PERIOD.day, PERIOD.zone_name).next()
    with world.store.transaction() as tx:
        points = (CongestionPoint(address=shared, dso=DSO, connections=both),)
        portfolio.replace(tx, following.day, "cro.example", points, ())
    sights = Sights(world.store, world.settings)
    for_brp = sights.of(principal("bob", "viewer").acting_for(frozenset(), frozenset({OURS})), [following])
    for_dso = sights.of(principal("dora", "viewer").acting_for(frozenset({DSO}), frozenset()), [following])
    for_both = sights.of(principal("bo", "viewer").acting_for(frozenset({DSO}), frozenset({OURS})), [following])
    assert [one.place(shared) for one in (for_brp, for_dso, for_both)] == [False, True, False]
    assert [one.place(OTHERS["connection"]) for one in (for_brp, for_dso, for_both)] == [False, True, False]
    assert [one.place(MINE["connection"]) for one in (for_brp, for_dso, for_both)] == [True, True, True]
    world.store.close()
