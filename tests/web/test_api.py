"""The JSON API: its answers and actions, its permissions, and that no request breaks it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from agr.domain.plan import PlanState, Reason, ReasonKind
from agr.store import day, plans
from tests.builders.accounts import account, token
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, OTHER_POINT, PERIOD, POINT, World

DAY = str(PERIOD.day)
WHY = "because of a test"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(World(tmp_path_factory.mktemp("desk")))
    opened.plan()
    yield opened
    opened.close()


def test_without_a_token_nothing_is_told_but_health(desk):
    client = desk.anybody()
    known = client.get("/api/v1/openapi.json", headers=desk.as_("viewer").headers).json()["paths"]
    assert len(known) > 20
    values = defaultdict(lambda: "1", period=DAY, address=POINT)
    for path, methods in known.items():
        for method in methods:
            answer = client.request(method, path.format_map(values))
            assert answer.status_code == 401, path
    assert client.get("/metrics").status_code == 401
    assert client.get("/events").status_code == 401
    assert client.get("/healthz").status_code == 503  # nothing was started: it says which parts do not run
    for page in ("/", "/points", "/runs", "/log", "/account", "/outbox"):
        answer = client.get(page, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/login"), page


def test_a_strange_host_is_turned_away(desk):
    """A page that rebinds its name to our address must not reach the operators' page through the browser."""
    answer = desk.anybody(Host="evil.example").get("/login")
    assert answer.status_code == 421


def test_every_answer_carries_the_headers_that_keep_other_sites_out(desk):
    for path in ("/login", "/healthz", "/static/page.js", "/nothing", "/api/v1/me"):
        headers = desk.anybody().get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_the_day_and_its_congestion_points_are_told(desk):
    client = desk.as_("viewer")
    told = client.get(f"/api/v1/days/{DAY}").json()
    assert (told["isps"], told["congestion_points"], told["cros"]) == (92, 2, {"cro.example": "answered"})
    (risk,) = told["at_risk"]
    assert risk["kind"] == "reservation not covered"
    assert risk["eur"] > 0
    found = client.get(f"/api/v1/days/{DAY}/points", params={"search": "p2"}).json()
    assert [p["address"] for p in found["points"]] == [OTHER_POINT]
    assert (found["matching"], found["total"]) == (1, 2)
    detail = client.get(f"/api/v1/days/{DAY}/points/{POINT}").json()
    with desk.world.store.transaction() as tx:
        plan = plans.in_force(tx, PERIOD.day)
    program = next(p.power_w for p in plan.points if p.address == POINT)
    assert [round(kw * 1000) for kw in detail["program_kw"]] == list(program)
    assert detail["point"]["peak_kw"] * 1000 == pytest.approx(max(program, key=abs), abs=1)


def test_what_is_not_there_is_404_and_what_is_wrong_is_422_in_words(desk):
    client = desk.as_("viewer")
    assert client.get("/api/v1/plans/999").json() == {"error": "there is no plan 999"}
    assert client.get("/api/v1/plans/999").status_code == 404
    wrong = client.get(f"/api/v1/days/{DAY}/points", params={"sort": "beauty"})
    assert (wrong.status_code, "known are address, dso" in wrong.json()["error"]) == (422, True)
    assert "period" in client.get("/api/v1/days/tomorrow").json()["error"]


def test_roles_and_scopes_decide_what_is_done(desk):
    wanted = {"period": DAY, "why": WHY}
    assert desk.as_("viewer").post("/api/v1/plans", json=wanted).status_code == 403
    analyst = desk.as_("analyst")
    assert analyst.post("/api/v1/plans", json=wanted | {"preview": False}).status_code == 403
    assert analyst.post("/api/v1/plans", json=wanted).status_code == 200
    assert analyst.post("/api/v1/hold", json={"why": WHY}).status_code == 403
    desk.daemon.planner.run_due()
    assert {who for who, action, _ in desk.done() if action == "preview"} == {"analyst"}


def test_a_preview_is_sent_only_while_it_still_fits(desk):
    client = desk.as_("operator")
    asked = client.post("/api/v1/plans", json={"period": DAY, "why": WHY}).json()["trigger"]
    assert client.get(f"/api/v1/asked/{asked}").json()["plan"] is None
    desk.daemon.planner.run_due()
    number = client.get(f"/api/v1/asked/{asked}").json()["plan"]
    told = client.get(f"/api/v1/plans/{number}").json()
    assert told["state"] == "preview"
    earned = sum(eur for term, eur in told["earned_eur"].items() if term not in told["planning_terms"])
    assert earned == pytest.approx(0, abs=1e-6), "nothing has changed since the plan in force"
    desk.plan(ReasonKind.RESERVATION)
    stale = client.post(f"/api/v1/plans/{number}/send", json={"why": WHY})
    assert (stale.status_code, "preview again" in stale.json()["error"]) == (409, True)
    assert client.post(f"/api/v1/plans/{number}/discard", json={"why": WHY}).status_code == 200
    again = client.post(f"/api/v1/plans/{number}/discard", json={"why": WHY})
    assert (again.status_code, again.json()["error"]) == (409, f"plan {number} is discarded, not a preview (any more)")

    asked = client.post("/api/v1/plans", json={"period": DAY, "why": WHY}).json()["trigger"]
    desk.daemon.planner.run_due()
    number = client.get(f"/api/v1/asked/{asked}").json()["plan"]
    assert client.post(f"/api/v1/plans/{number}/send", json={"why": WHY}).status_code == 200
    with desk.world.store.transaction() as tx:
        assert plans.in_force(tx, PERIOD.day).id == number
        assert plans.states(tx, PERIOD.day)[number] is PlanState.AUDITED
    assert ("operator", "send", f"plan {number}") in desk.done()


def test_an_idempotency_key_makes_an_action_happen_once(desk):
    client, key = desk.as_("operator"), {"Idempotency-Key": "key-1"}
    given = {"contract": CONTRACT, "period": DAY, "keep_share": 0.5, "why": WHY}
    first = client.post("/api/v1/reservations", json=given, headers=key)
    second = client.post("/api/v1/reservations", json=given, headers=key)
    assert (first.status_code, first.json()) == (200, second.json())
    assert second.headers["idempotent-replay"] == "true"
    history = client.get(f"/api/v1/days/{DAY}/reservations").json()
    assert [h["power_w"] for h in history] == [[-50_000] * 92]
    other = client.post("/api/v1/reservations", json=given | {"keep_share": 0.1}, headers=key)
    assert (other.status_code, "another request" in other.json()["error"]) == (409, True)
    refused = [
        client.post("/api/v1/plans/999/send", json={"why": WHY}, headers={"Idempotency-Key": "key-2"}) for _ in "ab"
    ]
    assert [(r.status_code, r.json()) for r in refused] == [(404, {"error": "there is no plan 999"})] * 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"power_w": [-100_001] + [0] * 91}, "ISP 1 (00:00): -100001 W does not lie between 0 and what FO-1 has"),
        ({"power_w": [1] * 92}, "ISP 1 (00:00) and 91 more: 1 W does not lie"),
        ({"power_w": [0] * 96}, "96 values; 2026-03-29 has 92 ISPs"),
        ({"keep_share": 0.5, "power_w": [0] * 92}, "exactly one of"),
        ({"contract": "FO-9", "keep_share": 0}, "there is no contract 'FO-9'"),
        ({"keep_share": 0, "period": "2026-03-01"}, "Period 2026-03-01 is over"),
        ({"keep_share": 0, "why": "   "}, "say why"),
    ],
)
def test_a_reservation_by_hand_keeps_to_the_contract(desk, given, words):
    values = {"contract": CONTRACT, "period": DAY, "why": WHY} | given
    answer = desk.as_("operator").post("/api/v1/reservations", json=values)
    assert answer.status_code in (409, 422)
    assert words in answer.json()["error"]


def test_a_reservation_by_hand_reaches_the_plan(desk):
    client = desk.as_("operator")
    client.post("/api/v1/reservations", json={"contract": CONTRACT, "period": DAY, "keep_share": 0, "why": "called"})
    desk.daemon.planner.run_due()
    newest = client.get(f"/api/v1/days/{DAY}/plans").json()[0]
    assert any("entered FO-1: at most 0 kW still reserved (called)" in r for r in newest["reasons"])
    assert client.get(f"/api/v1/days/{DAY}/points/{POINT}").json()["reservations"] == []


def test_an_entry_counts_over_a_word_of_a_dso_whose_clock_is_ahead(desk):
    ahead = desk.world.clock.now() + timedelta(seconds=2)
    with desk.world.store.transaction() as tx:
        day.put_reservation(tx, CONTRACT, PERIOD.day, (-1,) * PERIOD.isp_count, "a" * 36, ahead)
    given = {"contract": CONTRACT, "period": DAY, "keep_share": 0, "why": "the DSO rang"}
    assert desk.as_("operator").post("/api/v1/reservations", json=given).status_code == 200
    with desk.world.store.transaction() as tx:
        assert not any(day.reservations_on(tx, PERIOD.day)[CONTRACT])


def test_what_is_unavailable_is_planned_without_and_then_again_with(desk):
    client = desk.as_("operator")
    given = {"name": "ean.2", "first_day": DAY, "last_day": DAY, "why": "meter exchanged"}
    entry = client.post("/api/v1/unavailable", json=given).json()["entry"]
    desk.daemon.planner.run_due()
    program = client.get(f"/api/v1/days/{DAY}/points/{OTHER_POINT}").json()["program_kw"]
    assert set(program) == {0.0}, "the connection's only resource is off"
    assert any(
        "1 resource was marked unavailable" in n for n in client.get(f"/api/v1/days/{DAY}/plans").json()[0]["notes"]
    )
    client.post(f"/api/v1/unavailable/{entry}/end", json={"why": "it is back"})
    desk.daemon.planner.run_due()
    assert set(client.get(f"/api/v1/days/{DAY}/points/{OTHER_POINT}").json()["program_kw"]) == {20.0}
    over = client.post(f"/api/v1/unavailable/{entry}/end", json={"why": "it is back"})
    assert over.status_code == 409


def test_a_battery_that_fails_during_the_day_keeps_what_it_did_and_rests_from_then_on(desk):
    """Two days ahead is planned by hand here, with the clock inside the day."""
    from agr.planning.plan_loader import load_solved

    of = PERIOD.next()
    desk.world.know_points(of)
    desk.world.know_register(of)
    released = {"contract": CONTRACT, "period": str(of), "keep_share": 0, "why": "nothing is reserved"}
    assert desk.as_("operator").post("/api/v1/reservations", json=released).status_code == 200
    with desk.world.store.transaction() as tx:
        day.put_trigger(tx, of.day, Reason(kind=ReasonKind.FIRST_PLAN), desk.world.clock.now())
    desk.daemon.planner.run_due()
    desk.world.clock.jump_to(of.start + timedelta(hours=10, minutes=5))
    given = {"name": "battery", "first_day": str(of), "last_day": str(of), "why": "inverter"}
    assert desk.as_("operator").post("/api/v1/unavailable", json=given).status_code == 200
    desk.daemon.planner.run_due()
    with desk.world.store.transaction() as tx:
        made = plans.in_force(tx, of.day)
        before, after = load_solved(tx, made.predecessor), load_solved(tx, made.id)
    index = after.named.of("storage").index("battery")
    old, new = (s.outcome.programs.storage_kw[index] for s in (before, after))
    assert new[:41] == pytest.approx(old[:41], abs=1e-6)  # 10:05 is in ISP 41
    assert new[41:] == pytest.approx(0, abs=1e-9)
    assert abs(old[41:]).max() > 1, "the battery had something to do"


def test_hold_and_release(desk):
    client = desk.as_("operator")
    assert client.post("/api/v1/hold", json={"why": WHY}).status_code == 200
    told = client.get("/api/v1/hold").json()
    assert (told["held"], told["why"]) == (True, WHY)
    assert client.post("/api/v1/hold", json={"why": WHY}).status_code == 409
    assert client.post("/api/v1/release", json={"why": WHY}).status_code == 200
    assert client.get("/api/v1/hold").json()["held"] is False


def test_metrics_are_told_to_who_may_scrape(desk):
    account(desk.accounts, "prometheus", "viewer")
    secret = token(desk.daemon.authentication, "prometheus", "viewer", ["metrics"])
    client = desk.anybody(Authorization=f"Bearer {secret}")
    desk.daemon.metrics.event({
        "event": "plan.ready", "state": "audited", "seconds": 1.5, "gap_eur": 0.25, "objective_eur": 100.0,
        "flexibility_eur": 40.0, "imbalance_mwh": 0.0, "reservation_shortfall_kwh": 0.0,
    })  # fmt: skip
    text = client.get("/metrics").text
    for line in ('agr_runs_total{outcome="audited"} 1.0', "agr_plan_gap 0.25", 'agr_queue_depth{queue="outbox"}'):
        assert line in text
    desk.daemon.metrics.event({
        "event": "plan.ready", "state": "audited", "seconds": 15.0, "gap_eur": None, "objective_eur": 90.0,
        "flexibility_eur": 30.0, "imbalance_mwh": 0.0, "reservation_shortfall_kwh": 0.0,
    })  # fmt: skip
    assert "agr_plan_gap +Inf" in client.get("/metrics").text  # no bound was proven
    assert client.get("/api/v1/me").status_code == 403


def test_the_api_keeps_its_description_whatever_is_sent(desk):
    headers = {"Authorization": desk.as_("operator").headers["Authorization"]}
    described = schemathesis.openapi.from_url(f"{desk.url}/api/v1/openapi.json", headers=headers)
    found = list(described.get_all_operations())
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    assert len(operations) == len(found)
    assert len(operations) > 20
    for operation in operations:

        @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(case=operation.as_strategy())
        def keeps_its_description(case: schemathesis.Case) -> None:
            # A day that is over or a contract nobody knows fits the schema and is refused all the same, in words.
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        keeps_its_description()
