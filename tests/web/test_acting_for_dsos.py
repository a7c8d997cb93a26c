"""Accounts that act for some DSOs only: they neither see nor touch what concerns others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import AccessError, InputError
from agr.domain.plan import Reason, ReasonKind
from agr.domain.register import CongestionPoint, Connection, LimitGroup
from agr.operations.accounts.roles import Principal
from agr.operations.register_edit import RegisterEdits
from agr.store import access, audit_log, day, outbox, portfolio, register, register_rows
from tests.builders.accounts import principal
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, OTHER_POINT, PERIOD, POINT, World

DAY = str(PERIOD.day)
OURS, THEIRS = "dso.example", "other-grid.example"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(World(tmp_path))
    opened.plan()
    yield opened
    opened.close()


def limited(desk: Desk, *dsos: str) -> httpx.Client:
    """Return a client of an operator who acts for these DSOs only."""
    client = desk.as_("operator")
    desk.daemon.authentication.change_dsos("test", "operator", dsos)
    return client


def act(client: httpx.Client, path: str, **fields: object) -> httpx.Response:
    return client.post(f"/api/v1{path}", json={"why": "a test", **fields})


def preview(desk: Desk) -> int:
    with desk.world.store.transaction() as tx:
        reason = Reason(kind=ReasonKind.OPERATOR, text="look")
        day.put_trigger(tx, PERIOD.day, reason, desk.world.clock.now(), preview=True)
    desk.daemon.planner.run_due()
    return 2


def test_what_concerns_another_dso_is_refused_and_changes_nothing(desk: Desk) -> None:
    client = limited(desk, THEIRS)
    with desk.world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m-1", conversation_id="c", kind="D-Prognosis", recipient_domain=OURS, recipient_role="DSO",
            xml=b"<x/>", at=desk.world.clock.now(), period=PERIOD.day, subject=POINT,
        )  # fmt: skip
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("/reservations", {"contract": CONTRACT, "period": DAY, "keep_share": 0.5}),
        ("/plans", {"period": DAY, "points": [POINT], "preview": False}),
        ("/messages/m-1/resend", {}),
        ("/messages/m-1/cancel", {}),
        ("/participants/bar", {"domain": OURS, "role": "DSO"}),
        ("/unavailable", {"name": "battery", "first_day": DAY, "last_day": DAY}),
    ]
    before = len(desk.done())
    for path, fields in attempts:
        answer = act(client, path, **fields)
        assert answer.status_code == 403, (path, answer.text)
        assert f"operator acts for {THEIRS} only" in answer.json()["error"]
        assert OURS in answer.json()["error"]
    assert len(desk.done()) == before
    desk.daemon.authentication.change_dsos("test", "operator", [OURS])
    for path, fields in attempts:
        answer = act(client, path, **fields)
        assert answer.status_code == 200, (path, answer.text)


def test_what_concerns_the_whole_portfolio_needs_somebody_who_acts_for_it(desk: Desk) -> None:
    client = limited(desk, OURS)
    for path, fields in (
        ("/hold", {}), ("/release", {}), ("/send-waiting", {"period": DAY}),
        ("/plans", {"period": DAY, "preview": False}), ("/participants/bar", {"domain": "cro.example", "role": "CRO"}),
        ("/awards", {"market": "day-ahead", "period": DAY, "mw": [0.0] * 92}),
    ):  # fmt: skip
        answer = act(client, path, **fields)
        assert answer.status_code == 403, (path, answer.text)
        assert "concerns the whole portfolio" in answer.json()["error"]
    assert act(client, "/plans", period=DAY).status_code == 200, "a preview sends nothing"
    desk.daemon.authentication.change_dsos("test", "operator", [])
    assert act(client, "/hold").status_code == 200


def test_a_preview_is_sent_by_who_acts_for_every_dso_that_it_changes(desk: Desk) -> None:
    number = preview(desk)
    client = limited(desk, THEIRS)
    assert act(client, f"/plans/{number}/send").status_code == 403
    assert act(client, f"/plans/{number}/discard").status_code == 403


def test_the_register_is_changed_for_ones_own_dso(desk: Desk) -> None:
    limited(desk, THEIRS)
    edits = desk.daemon.operators.register_edits
    found = desk.daemon.authentication.by_token(desk._tokens["operator"])
    assert found is not None
    for table, key in (("contracts", CONTRACT), ("batteries", "battery"), ("connections", "ean.1")):
        with pytest.raises(AccessError, match=f"acts for {THEIRS} only"):
            edits.remove(found, table, key, "a test")
    with desk.world.store.transaction() as tx:
        assert register_rows.counts(tx)["batteries"] == 1
    desk.daemon.authentication.change_dsos("test", "operator", [OURS])
    again = desk.daemon.authentication.by_token(desk._tokens["operator"])
    assert again is not None
    edits.remove(again, "batteries", "battery", "a test")


def test_only_who_acts_for_its_dso_acknowledges_an_alarm(desk: Desk) -> None:
    client, now = limited(desk, THEIRS), desk.world.clock.now()
    with desk.world.store.transaction() as tx:
        for subject in (POINT, f"{OURS} D-Prognosis", "weather"):
            day.raise_alarm(tx, "a test", subject, "look", now)
        numbers = {alarm.subject: alarm.id for alarm in day.open_alarms(tx)}
    for subject in (POINT, f"{OURS} D-Prognosis"):
        refused = act(client, f"/alarms/{numbers[subject]}/acknowledge")
        assert (refused.status_code, f"concerns {OURS}" in refused.json()["error"]) == (403, True)
    assert act(client, f"/alarms/{numbers['weather']}/acknowledge").status_code == 200
    with desk.world.store.transaction() as tx:
        taken = {alarm.subject for alarm in day.open_alarms(tx) if alarm.acknowledged_at}
    assert taken == {"weather"}
    desk.daemon.authentication.change_dsos("test", "operator", [OURS])
    assert act(client, f"/alarms/{numbers[POINT]}/acknowledge").status_code == 200


CELLS = {
    "contract": "FO-9", "first_day": DAY, "last_day": DAY, "window_start": "10:00", "window_end": "12:00",
    "power_w": "-1000", "availability_eur_per_mw_h": "1", "penalty_eur_per_mwh": "1",
}  # fmt: skip
NINE = "ean.299000000000000091"
TREE = (LimitGroup(group="street", parent="station"), LimitGroup(group="station"), LimitGroup(group="x"))


def theirs(desk: Desk) -> tuple[RegisterEdits, Principal]:
    """Return what changes the register, and who acts for another DSO."""
    limited(desk, THEIRS)
    found = desk.daemon.authentication.by_token(desk._tokens["operator"])
    assert found is not None
    return desk.daemon.operators.register_edits, found


def test_a_row_that_names_ones_own_dso_but_another_s_point_is_refused(desk: Desk) -> None:
    edits, found = theirs(desk)
    for dso, error, words in (
        (THEIRS, InputError, f"is not the DSO of {POINT}: {OURS} is"), (OURS, AccessError, f"acts for {THEIRS} only"),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            edits.enter(found, "contracts", None, CELLS | {"dso": dso, "congestion_point": POINT}, "a test")
    member = {"congestion_point": POINT, "dso": THEIRS, "connection": "ean.1", "first_day": DAY}
    for point in (POINT, "ea1.2024-01.example.agr:another"):
        with pytest.raises(AccessError, match=f"concerns {OURS}"):
            edits.enter(found, "congestion_points", None, member | {"congestion_point": point}, "a test")
    new = CELLS | {"dso": THEIRS, "congestion_point": "ea1.2024-01.example.agr:another"}
    assert "FO-9 was added" in edits.enter(found, "contracts", None, new, "a test").text


def test_limits_that_bind_another_dso_s_connections_are_refused(desk: Desk) -> None:
    with desk.world.store.transaction() as tx:
        known = register.load(tx).with_table("limit_groups", TREE)
        connections = (
            Connection(address="ean.1", first_day=PERIOD.day, limit_group="station"),
            Connection(address="ean.2", first_day=PERIOD.day), Connection(address=NINE, first_day=PERIOD.day),
        )  # fmt: skip
        register.replace(tx, known.with_table("connections", connections))
        point = CongestionPoint(address="ea1.2024-01.example.agr:theirs", dso=THEIRS, connections=(NINE,))
        portfolio.replace(tx, PERIOD.day, "cro2.example", (point,), ())
    edits, found = theirs(desk)
    limit = {"first_day": DAY, "import_kw": "1", "penalty_eur_per_mwh": "1"}
    for table, cells, key in (
        ("connection_limits", limit | {"at": "station"}, None), ("connection_limits", limit | {"at": "x"}, None),
        ("limit_groups", {"group": "new", "parent": "street"}, None), ("limit_groups", {"group": "new"}, None),
        ("limit_groups", {"group": "street", "parent": ""}, "street"),
        ("connections", {"address": NINE, "first_day": DAY, "limit_group": "street"}, NINE),
    ):  # fmt: skip
        with pytest.raises(AccessError, match=f"acts for {THEIRS} only"):
            edits.enter(found, table, key, cells, "a test")
    own = {"address": NINE, "first_day": DAY, "limit_group": "x"}
    assert "was changed" in edits.enter(found, "connections", NINE, own, "a test").text
    assert "was added" in edits.enter(found, "connection_limits", None, limit | {"at": "x"}, "a test").text


def test_only_theirs_is_seen_and_me_says_whom_one_acts_for(desk: Desk) -> None:
    for dso, seen in ((THEIRS, set()), (OURS, {POINT, OTHER_POINT})):
        client = limited(desk, dso)
        assert client.get("/api/v1/me").json()["dsos"] == [dso]
        points = client.get(f"/api/v1/days/{DAY}/points").json()["points"]
        assert {point["address"] for point in points} == seen


def test_dsos_are_checked_and_an_admin_acts_for_all(desk: Desk) -> None:
    authentication = desk.daemon.authentication
    limited(desk, OURS)
    for dsos, words in ((["Not a domain"], "is not an internet domain"), (["x"], "is not an internet domain")):
        with pytest.raises(InputError, match=words):
            authentication.change_dsos("test", "operator", dsos)
    with pytest.raises(InputError, match="there is no account"):
        authentication.change_dsos("test", "nobody", [OURS])
    authentication.change_role(principal("root", "admin"), "operator", "admin")
    with pytest.raises(InputError, match="is an admin, who acts for all DSOs"):
        authentication.change_dsos("test", "operator", [OURS])
    with desk.world.store.transaction() as tx:
        known = access.account(tx, "operator")
        lines = [line for line in audit_log.entries(tx) if line.action == "change DSOs"]
    assert known is not None
    assert known.dsos == (OURS,), "kept for when it is no admin any more"
    assert authentication.by_name("operator", "test").dsos == frozenset()
    assert [(line.subject, line.detail) for line in lines] == [("operator", OURS)]


def test_the_command_line_says_and_sets_them(desk: Desk, tmp_path: Path) -> None:
    limited(desk)
    config = tmp_path / "agr.toml"
    config.write_text(
        f'domain = "agr.example"\nkey_file = "{desk.world.settings.key_file}"\n'
        f'data_folder = "{desk.world.folder}"\nstore_url = "{desk.world.settings.store_url}"\n'
    )

    def agr(*arguments: str) -> str:
        found = CliRunner().invoke(app, ["accounts", *arguments, "--config", str(config)])
        assert found.exit_code == 0, found.output
        return found.stdout

    assert agr("dsos", "operator", OURS, THEIRS) == f"operator acts for {OURS}, {THEIRS}\n"
    assert f"for {OURS}, {THEIRS}" in agr("list")
    assert agr("dsos", "operator") == "operator acts for all DSOs\n"
