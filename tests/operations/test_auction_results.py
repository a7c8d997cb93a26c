"""What auctions awarded: the position is that, whatever was bid; what cannot be is refused, nothing is fixed twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.connectors.results import read_results_file
from agr.domain.errors import ConflictError, InputError
from agr.domain.isp import Period
from agr.domain.plan import ReasonKind
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.auction_results import AuctionResults
from agr.settings import CapacityProduct, DayAhead, Markets, MarketTime
from agr.store import audit_log, day, positions
from tests.builders.operators_side import Desk
from tests.builders.worlds import NOW, PERIOD, World

FCR = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=9, gate=MarketTime(at="08:00"))
ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")
BID_KW = tuple(1000.0 if isp < 40 else -2000.0 for isp in range(92))
WHY = "result of the auction"
GATE = datetime(2026, 3, 28, 11, tzinfo=UTC)
"""Of day-ahead: 12:00 in the market's time."""


class Auctions:
    """Results over a world whose bids were fixed at their gates."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        settings = self.world.settings.model_copy(update={"markets": Markets(capacity=(FCR,))})
        self.woken = 0
        self.results = AuctionResults(self.world.store, settings, self.world.clock, self.wake)
        with self.world.store.transaction() as tx:
            for market, values in (("day-ahead", BID_KW), ("FCR", (2.0, 2.0, 0.0, 1.0, 1.0, 1.0))):
                positions.fix(tx, PERIOD.day, market, values, NOW, "plan 7")
                positions.fix_bid(tx, PERIOD.day, market, values, NOW, "plan 7")
            day.moment_done(tx, PERIOD.day, "first_plan", NOW, "")

    def wake(self) -> None:
        self.woken += 1

    def enter(self, market: str, mw: tuple[float, ...], **more: Any) -> str:
        return self.results.enter(ANNA, market, PERIOD.day, mw, WHY, **more).text

    def known(self) -> dict[str, tuple[float, ...]]:
        with self.world.store.transaction() as tx:
            return positions.all_on(tx, PERIOD.day)

    def asked(self) -> list[str]:
        with self.world.store.transaction() as tx:
            return [str(trigger.reason) for trigger in day.open_triggers(tx)]


@pytest.fixture
def auctions(tmp_path: Path) -> Iterator[Auctions]:
    made = Auctions(tmp_path)
    made.world.clock.jump_to(GATE)
    yield made
    made.world.store.close()


def mw(*changes: tuple[int, float]) -> tuple[float, ...]:
    """The bid in MW with other values in some ISPs, from 1."""
    values = [kw / 1000 for kw in BID_KW]
    for isp, value in changes:
        values[isp - 1] = value
    return tuple(values)


def test_what_was_awarded_in_part_or_not_at_all_is_the_position(auctions: Auctions) -> None:
    said = auctions.enter("day-ahead", mw((1, 0.25), (92, 0.0)))
    assert "2 of 92 ISPs differ from the bid" in said
    known = auctions.known()["day-ahead"]
    assert (known[0], known[1], known[91]) == (250.0, 1000.0, 0.0)
    assert len(auctions.asked()) == 1
    assert "2 of 92 ISPs differ from the bid" in auctions.asked()[0]
    assert auctions.woken == 1
    with auctions.world.store.transaction() as tx:
        (line,) = audit_log.entries(tx)
    assert (line.who, line.action, line.subject, line.why) == ("anna", "award", f"day-ahead {PERIOD}", WHY)


def test_the_same_result_twice_is_fixed_once(auctions: Auctions) -> None:
    auctions.enter("FCR", (1, 1, 0, 1, 0, 1))
    assert "was entered already" in auctions.enter("FCR", (1, 1, 0, 1, 0, 1))
    assert len(auctions.asked()) == 1
    with auctions.world.store.transaction() as tx:
        assert len(audit_log.entries(tx)) == 1


def test_a_result_as_bid_changes_nothing(auctions: Auctions) -> None:
    assert "was entered already" in auctions.enter("day-ahead", mw())
    assert auctions.asked() == []


def test_a_corrected_result_is_compared_with_the_bid_and_not_with_the_first_result(auctions: Auctions) -> None:
    auctions.enter("day-ahead", mw((1, 0.0)))
    assert "as bid" in auctions.enter("day-ahead", mw())
    assert auctions.known()["day-ahead"] == BID_KW


@pytest.mark.parametrize(
    ("market", "values", "words"),
    [
        ("day-ahead", mw((3, 1.5)), "ISP 3 (00:30): 1.5 MW does not lie between 0 and the bid of 1 MW (plan 7)"),
        ("day-ahead", mw((3, -0.1), (5, 2)), "ISP 3 (00:30) and 1 more: -0.1 MW does not lie between"),
        ("day-ahead", mw()[:-1], "91 values; day-ahead has 92 of 2026-03-29, one per ISP"),
        ("day-ahead", mw((2, float("nan"))), "ISP 2 (00:15): nan MW is not an award"),
        ("FCR", (2, 2, 1, 1, 1, 1), "block 3 (from 08:00): 1 MW does not lie between 0 and the bid of 0 MW"),
        ("FCR", (2, 2, 0, 1, 1), "5 values; FCR has 6 of 2026-03-29, one per 4 h"),
        ("FCR", (2, 2, 0, 1, 1, -1), "block 6 (from 20:00): -1 MW is not an award of FCR"),
        ("fcr", (1, 1, 1, 1, 1, 1), "'fcr' is not a capacity product, nor day-ahead; known are day-ahead, FCR"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    auctions: Auctions, market: str, values: tuple[float, ...], words: str
) -> None:
    before = auctions.known()
    with pytest.raises(InputError) as refused:
        auctions.enter(market, values)
    assert words in str(refused.value)
    assert auctions.known() == before
    assert auctions.asked() == []


def test_more_than_was_bid_is_taken_if_said(auctions: Auctions) -> None:
    auctions.enter("FCR", (3, 2, 0, 1, 1, 1), beyond_bid=True)
    assert auctions.known()["FCR"][0] == 3


def test_a_period_that_is_over_keeps_its_positions(auctions: Auctions) -> None:
    auctions.world.clock.jump_to(PERIOD.end + timedelta(seconds=1))
    with pytest.raises(ConflictError, match="is over"):
        auctions.enter("FCR", (1, 1, 0, 1, 0, 1))


@pytest.mark.parametrize(
    ("market", "values", "gate", "said"),
    [
        ("day-ahead", mw((1, 0.0)), GATE, "2026-03-28 12:00"),
        ("FCR", (1, 1, 0, 1, 0, 1), GATE - timedelta(hours=4), "2026-03-28 08:00"),
    ],
)
def test_nothing_can_have_been_awarded_before_the_gate(
    tmp_path: Path, market: str, values: tuple[float, ...], gate: datetime, said: str
) -> None:
    auctions = Auctions(tmp_path)
    before = auctions.known()
    with pytest.raises(ConflictError, match=f"the gate of {market} for 2026-03-29 closes at {said}"):
        auctions.enter(market, values, beyond_bid=True)
    assert (auctions.known(), auctions.asked()) == (before, [])
    auctions.world.clock.jump_to(gate)
    assert "a plan follows" in auctions.enter(market, values)
    auctions.world.store.close()


def test_results_by_api_lead_to_a_plan_with_that_position(tmp_path: Path) -> None:
    desk = Desk(World(tmp_path))
    try:
        desk.plan()
        with desk.world.store.transaction() as tx:
            assert "day-ahead" not in positions.all_on(tx, PERIOD.day)
        desk.world.clock.jump_to(GATE)
        client, ask = desk.as_("operator"), {"period": str(PERIOD.day), "market": "day-ahead", "why": WHY}
        assert client.post("/api/v1/awards", json=ask | {"mw": [0.0] * 96}).status_code == 422
        assert desk.as_("viewer").post("/api/v1/awards", json=ask | {"mw": [0.0] * 92}).status_code == 403
        answer = client.post("/api/v1/awards", json=ask | {"mw": [0.0] * 92})
        assert answer.status_code == 200, answer.text
        desk.daemon.planner.run_due()
        with desk.world.store.transaction() as tx:
            assert ReasonKind.OPERATOR not in {t.reason.kind for t in day.open_triggers(tx)}
        number = client.get(f"/api/v1/days/{PERIOD.day}").json()["plan_in_force"]
        plan = desk.daemon.operators.plan_cache.plan(number)
        assert plan is not None
        assert set(plan.positions.day_ahead_kw) == {0.0}
    finally:
        desk.close()


def table(rows: list[tuple[str, object]]) -> str:
    return "start,mw\n" + "".join(f"{start},{value}\n" for start, value in rows)


@given(
    st.sampled_from(["2026-03-29", "2026-06-10", "2026-10-25"]),
    st.sampled_from([15, 30, 60]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_a_file_is_read_exactly_whatever_its_order_and_length(
    tmp_path_factory, text, minutes, by_product, random
) -> None:
    period = Period(date.fromisoformat(text), "Europe/Amsterdam", 15)
    step = minutes // 15 if by_product else 1
    starts = period.starts()[::step]
    values = [round(random.uniform(-5, 5), 3) for _ in starts]
    rows = [(start.astimezone(period.tz).isoformat(), value) for start, value in zip(starts, values, strict=True)]
    random.shuffle(rows)
    path = tmp_path_factory.mktemp("results") / "results.csv"
    path.write_text(table(rows))
    read = read_results_file(path, period, minutes).mw
    assert read == tuple(value for value in values for _ in range(step))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:-1], "1 of 92 starts is missing, the first is 2026-03-29T23:45:00+02:00"),
        (lambda rows: [*rows, rows[3]], "line 94: 2026-03-29T00:45:00+01:00 stands already in line 5"),
        (
            lambda rows: [*rows, ("2026-03-29T22:00:00Z", 1)],
            "line 94: no ISP of 2026-03-29 starts at 2026-03-30T00:00:00+02:00",
        ),
        (
            lambda rows: [(f"2026-03-28T{hour:02}:00+01:00", 1) for hour in range(24)],
            "the whole result is of 2026-03-28: did you mean --period 2026-03-28?",
        ),
        (
            lambda rows: [("2026-03-29T00:00", 1), *rows[1:]],
            "line 2, column start: '2026-03-29T00:00' has no UTC offset",
        ),
        (lambda rows: [(rows[0][0], "1,5"), *rows[1:]], "line 2: expected two values"),
        (lambda rows: [(rows[0][0], "much"), *rows[1:]], "line 2, column mw: 'much' is not a number"),
        (lambda rows: [(rows[0][0], ""), *rows[1:]], "line 2, column mw: '' is not a number"),
    ],
)
def test_a_doubtful_file_is_refused_with_its_line(tmp_path: Path, change, words: str) -> None:
    rows = [(start.astimezone(PERIOD.tz).isoformat(), 1.0) for start in PERIOD.starts()]
    path = tmp_path / "results.csv"
    path.write_text(table(change(rows)))
    with pytest.raises(InputError) as refused:
        read_results_file(path, PERIOD, DayAhead().product_minutes)
    assert words in str(refused.value)


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("start,mwh\n")
    with pytest.raises(InputError, match="expected the columns start,mw, found start,mwh"):
        read_results_file(path, PERIOD, 15)
