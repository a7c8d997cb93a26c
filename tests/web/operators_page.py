"""The operators' page as an operator sees it: what is opened, done and looked at in a browser, and what came of it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from agr.domain.isp import Period
from agr.domain.register import Price
from agr.store import audit_log, day, register
from tests.day.market import Market
from tests.day.tiny import A

PERIOD = Period(date(2026, 6, 10))
PASSWORD = "four random words here"
WAIT_MS = 120_000
PAGES = {
    "day": "/", "points": f"/points?period={PERIOD}", "point": f"/points/{PERIOD}/{A}",
    "runs": f"/runs?period={PERIOD}", "plan": "/runs/2",
    "markets": f"/markets?period={PERIOD}", "trading": f"/trading?period={PERIOD}",
    "award": f"/awards/{PERIOD}/day-ahead",
    "reservations": f"/reservations?period={PERIOD}",
    "reservation": f"/reservations/{PERIOD}/FO-A",
    "programs": f"/programs?period={PERIOD}", "execution": f"/execution?period={PERIOD}",
    "brps": f"/brps?period={PERIOD}",
    "forecasts": f"/forecasts?period={PERIOD}",
    "history": f"/history?from={PERIOD}&to={PERIOD}",
    "api": "/api", "approvals": "/approvals",
    "register": "/register/batteries", "register-row": f"/register/batteries/row?key=battery%20a&period={PERIOD}",
    "register-edit": "/register/batteries/edit?key=battery%20a",
    "outbox": "/outbox", "alarms": "/alarms", "log": "/log", "account": "/account", "refused": "/runs/999999",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a page is looked at: colours, the screen's width, and which of axe's rules (None: none of them)."""

    name: str
    colours: str
    width: int
    rules: dict[str, Any] | None

    def take(self, page: Any) -> None:
        """Have the page, or the next one that is opened, in these colours and as wide."""
        page.emulate_media(color_scheme=self.colours)
        page.set_viewport_size({"width": self.width, "height": 850})

    def fits(self, page: Any) -> bool:
        """Return whether the page, once it is drawn like this, does not scroll sideways."""
        page.wait_for_function(
            """([colours, width]) => matchMedia(`(prefers-color-scheme: ${colours})`).matches && innerWidth === width
            && document.querySelector("main h1, main h2")?.checkVisibility({visibilityProperty: true})""",
            arg=[self.colours, self.width],
        )
        drawn = "new Promise(requestAnimationFrame)"  # after what listens to colours and width has drawn
        return bool(page.evaluate(f"{drawn}.then(() => document.documentElement.scrollWidth <= innerWidth)"))

    def barriers(self, page: Any) -> list[str]:
        """Return what axe, which the page has been given, finds by this look's rules."""
        if self.rules is None:
            return []
        found = page.evaluate(
            "rules => axe.run(document, {resultTypes: ['violations'], selectors: false, ...rules})", self.rules
        )["violations"]
        return [f"{self.name}: {v['id']} {v['nodes'][0]['html'][:150]}" for v in found]


CONTRAST = {"type": "rule", "values": ["color-contrast"]}
LOOKS = (
    Look(name="phone", colours="light", width=390, rules=None),
    Look(name="light", colours="light", width=1400, rules={}),
    Look(name="dark", colours="dark", width=1400, rules={"runOnly": CONTRAST}),
)
"""All of axe's rules once; where only colours differ, only those."""


def open_(page: Any, market: Market, path: str) -> None:
    page.goto(market.daemon.page + path)


def confirm(page: Any, title: str, why: str = "because of a test") -> None:
    """Open an action, give the reason, confirm."""
    act = page.locator("details.act", has=page.get_by_text(title, exact=True)).first
    act.locator("summary").click()
    act.locator("input[name=why]").fill(why)
    act.get_by_role("button").click()


def did(market: Market) -> list[tuple[str, str, str]]:
    with market.daemon.store.transaction() as tx:
        return [(d.who, d.action, d.why) for d in audit_log.entries(tx)]


def priced(market: Market, noon: float, other: float = 40.0) -> None:
    """Let energy cost so many EUR/MWh from 10 to 14 o'clock and at other times: nobody is told, so nobody plans."""
    prices = []
    for start in market.period.starts():
        hour = start.astimezone(market.period.tz).hour
        prices.append(Price(series="day_ahead", start=start, minutes=15, value=noon if 10 <= hour < 14 else other))
    with market.daemon.store.transaction() as tx:
        register.put_prices(tx, prices)


def enter_by_hand(page: Any, market: Market, power: str, *, first: str, last: str) -> None:
    open_(page, market, f"/reservations/{market.period}/FO-A")
    line = page.get_by_role("group", name="range 1", exact=True)
    line.get_by_label("from ISP").select_option(first)
    line.get_by_label("to ISP").select_option(last)
    line.get_by_label("power, W").fill(power)
    for other in page.get_by_label("power, W").all()[1:]:
        other.fill("")
    page.get_by_role("button", name="Check", exact=True).click()


def reserved_w(market: Market) -> tuple[int, ...]:
    """What the DSO holds reserved in each ISP under FO-A; only 0 before its first update is handled."""
    with market.daemon.store.transaction() as tx:
        return day.reservations_on(tx, market.period.day).get("FO-A", (0,) * market.period.isp_count)


def reasons_of(market: Market) -> str:
    return " ".join(str(reason) for plan in market.plans() for reason in plan.reasons)
