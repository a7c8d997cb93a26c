"""Reservations by probability as a user sees them: the daemon's workers find them; pages, API and command tell them."""

from datetime import date, time, timedelta
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.isp import Period
from agr.domain.register import Contract
from agr.forecasting.days import Observed
from agr.settings import Planning
from agr.settings.promises import Promises
from agr.store import actuals, forecast_runs
from agr.store.actuals import Actual
from agr.store.forecast_runs import ForecastRun
from agr.web.security import COOKIE
from tests.builders.accounts import account
from tests.builders.operators_side import Desk
from tests.builders.pages import found
from tests.builders.worlds import CONTRACT, NOW, PERIOD, POINT, World

LOAD = "power_kw load-1"
DAYS = 16  # 3 to plan for, 1 for the margin, the rest to count on
CALLED = Contract(
    contract=CONTRACT, dso="dso.example", congestion_point=POINT, first_day=date(2026, 1, 1),
    last_day=date(2026, 12, 31), window_start=time(17), window_end=time(18), power_w=-60_000,
    availability_eur_per_mw_h=1, penalty_eur_per_mwh=3000,
)  # fmt: skip


def remember(world: World) -> None:
    """Store what was forecast of past days, 20 kW, and that a third or so more or less was used."""
    rng = np.random.default_rng(4)
    with world.store.transaction() as tx:
        for back in range(DAYS, 0, -1):
            of = Period(PERIOD.day - timedelta(days=back), isp_minutes=60)
            said = ForecastRun(
                series=LOAD, model="alike days", made_at=of.start - timedelta(hours=20), period=of.day, minutes=60,
                mean=np.full(of.isp_count, 20.0),
            )  # fmt: skip
            forecast_runs.put(tx, said, NOW)
            used = 20.0 * rng.lognormal(0, 0.3)
            hours = [Observed(start=start, minutes=60, value=used) for start in of.starts()]
            actuals.put(tx, [Actual(series=LOAD, observed=one, received_at=NOW) for one in hours])


def test_what_is_promised_is_found_by_workers_stored_and_told_wherever_plans_are(tmp_path: Path) -> None:
    world = World(tmp_path)
    planning = Planning(join_triggers_s=0.0, threads=1, promises=Promises(scenarios=3, probability=0.5))
    world.settings = world.settings.model_copy(update={"planning": planning})
    desk = Desk(world)
    try:
        world.know_register(contracts=(CALLED,))
        remember(world)
        desk.plan()
        (plan,) = desk.as_("viewer").get(f"/api/v1/days/{PERIOD.day}/plans").json()
        browser = desk.anybody()
        browser.cookies.set(COOKIE, account(desk.accounts, "vera", "viewer"))
        pages = [browser.get(at).text for at in (f"/points/{PERIOD.day}/{POINT}", f"/runs/{plan['id']}")]
    finally:
        desk.close()
    assert plan["state"] == "audited", plan["audit"]
    (told,) = plan["promised"]
    assert (told["congestion_point"], told["scenarios"], told["days"], told["probability"]) == (POINT, 3, 10, 0.5)
    assert told["recounted"] == 10
    assert told["answered"] >= 5
    assert told["met"]
    assert told["hedge_eur"] >= 0
    words = f"calls at {POINT} are answered on {told['answered']} of 10 days that may come, 10 of them counted twice"
    assert plan["notes"][0].startswith(f"{words} (asked: 50%)")
    assert [words in " ".join("".join(found(page, "//text()")).split()) for page in pages] == [True, True]
    config = tmp_path / "agr.toml"
    config.write_text(f'domain = "agr.example"\nstore_url = "sqlite:///{tmp_path / "agr.db"}"\n', encoding="utf-8")
    said = CliRunner().invoke(app, ["explain", str(PERIOD.day), POINT, "--config", str(config)])
    assert words in " ".join(said.output.split())
