"""A day that is traded: the bid leaves, the exchange awards a part, a trade follows, and the plans go with it."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from agr.domain.award import Trade
from agr.domain.isp import Period
from agr.domain.plan import ReasonKind
from agr.operations.accounts.roles import ROLES, Principal
from agr.settings import BidFiles, Bids, BidWebhook, HttpFeed
from agr.store import bids, positions, trades
from tests.builders.exchange import Exchange

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))
ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")


class TradingExchange(Exchange):
    """Awards half of every bid in the evening, and reports one trade once it is told to."""

    def award(self, period: Period) -> None:
        """Clear the newest bid."""
        rows = list(csv.DictReader(io.StringIO(self.posts[-1].body.decode())))
        evening = range(period.isp_count - 24, period.isp_count - 8)
        self.answers[f"/results/{period.day}"] = [
            {"start": row["start"], "mw": float(row["mw"]) * (0.5 if isp in evening else 1.0)}
            for isp, row in enumerate(rows)
        ]


def test_what_is_bid_awarded_and_traded_is_what_the_plans_have(market, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("BIDS_SECRET", "shared")
    exchange = TradingExchange("shared")
    exchange.answers["/trades"] = []
    sections = {
        "bids": Bids(
            step_mw=0.001,
            files=(BidFiles(name="files", folder=tmp_path / "bids"),),
            webhooks=(BidWebhook(name="exchange", url=f"{exchange.url}/bids", secret_env="BIDS_SECRET"),),
        ),
        "feeds": (
            HttpFeed(
                name="results", kind="award", url=f"{exchange.url}/results/{{period}}", value_field="mw", attempts=1
            ),
            HttpFeed(
                name="trades", kind="trade", url=f"{exchange.url}/trades?from={{start}}", trade_field="id",
                value_field="mw", price_field="price", attempts=1, every_s=0.2,
            ),
        ),
    }  # fmt: skip
    try:
        driven = market(PERIOD, **sections)
        driven.reach("day_ahead_gate")
        (taken,) = exchange.posts
        assert taken.signed
        (file,) = (tmp_path / "bids").iterdir()
        assert file.read_bytes() == taken.body
        planned_kw = driven.in_force().positions.day_ahead_kw
        bid_kw = [1000 * float(row["mw"]) for row in csv.DictReader(io.StringIO(taken.body.decode()))]
        assert bid_kw == pytest.approx(planned_kw, abs=0.5)
        exchange.award(PERIOD)
        driven.reach("day_ahead_results")
        driven.settle()
        awarded_kw = [1000 * row["mw"] for row in exchange.answers[f"/results/{PERIOD.day}"]]
        assert awarded_kw != bid_kw
        plan = driven.in_force()
        assert plan.positions.day_ahead_kw == pytest.approx(awarded_kw)
        reasons = {reason.kind for made in driven.plans() for reason in made.reasons}  # of one plan, or of two
        assert {ReasonKind.AWARD, ReasonKind.RESULTS} <= reasons
        assert plan.result.audit == ()
        driven.reach("prognosis_gate")
        assert driven.alarms() == {}
        start = PERIOD.starts()[80]
        exchange.answers["/trades"] = [{"id": "T-1", "start": start.isoformat(), "mw": 0.01, "price": 90.0}]
        driven.until(lambda: any(_is_traded(plan) for plan in driven.plans()), "a plan with the trade")
        driven.settle()
        driven.restart()
        driven.settle()
        with driven.daemon.store.transaction() as tx:
            assert trades.counting(tx, PERIOD.day) == (
                Trade(trade="T-1", start=start, minutes=15, mw=0.01, price_eur_per_mwh=90.0),
            )
            fixed = positions.one_on(tx, PERIOD.day, "day-ahead")
            left = [(d.channel, d.state) for d in bids.deliveries(tx, PERIOD.day, "day-ahead")]
        assert fixed is not None
        assert fixed.origin == "award entered by results"
        assert left == [("files", "delivered"), ("exchange", "delivered")]
        assert len(exchange.posts) == 1
        assert sum(_is_traded(plan) for plan in driven.plans()) == 1
        assert driven.in_force().result.imbalance_mwh == pytest.approx(0, abs=1e-9)
        assert driven.alarms() == {}
    finally:
        exchange.close()


def _is_traded(plan) -> bool:
    return any(reason.kind is ReasonKind.TRADE for reason in plan.reasons)
