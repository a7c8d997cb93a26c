"""A person at the register's pages, with a battery and a car behind them."""

import re
from datetime import date
from pathlib import Path

import httpx

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Connection
from agr.store import day, register_rows
from tests.builders.accounts import account
from tests.builders.operators_side import Desk
from tests.builders.pages import csrf_token
from tests.builders.worlds import World

ONE, TWO = "ean.299000000000000015", "ean.299000000000000022"
FREE = "ea1.2024-01.example.agr:depot"
SEEN = re.compile(r'name="seen" value="([^"]*)"')


def battery(name: str = "battery", connection: str = ONE) -> Battery:
    return Battery(
        resource=name, connection=connection, charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=100,
        end_kwh=100,
    )  # fmt: skip


def opened(folder: Path) -> Desk:
    """Return a desk with three connections, a battery and two loads."""
    desk, first = Desk(World(folder)), date(2026, 1, 1)
    desk.world.know_register(
        connections=tuple(Connection(address=a, first_day=first) for a in (ONE, TWO, FREE)),
        resources=(
            battery(), FixedLoad(resource="load-1", connection=ONE), FixedLoad(resource="load-2", connection=TWO)
        ),
    )  # fmt: skip
    return desk


class Person:
    """Somebody at a browser without JavaScript, who has logged in."""

    def __init__(self, desk: Desk, name: str, role: str) -> None:
        secret = account(desk.accounts, name, role)
        self.client = desk.anybody()
        self.client.cookies.set("agr_session", secret)

    def get(self, path: str, **asked: str) -> httpx.Response:
        return self.client.get(path, params=asked)

    def post(self, path: str, form: dict[str, str], **asked: str) -> httpx.Response:
        data = {"csrf": csrf_token(self.client), **form}
        return self.client.post(path, params=asked, data=data, follow_redirects=True)

    def enter(self, table: str, cells: dict[str, str], *, key: str = "", step: str = "enter", **more: str):
        form = {f"cell {name}": value for name, value in cells.items()}
        path, asked = (f"/register/{table}/edit", {"key": key}) if key else (f"/register/{table}/new", {})
        return self.post(path, {**form, "step": step, "why": "a test", **more}, **asked)


BATTERY = {
    "resource": "battery", "connection": ONE, "charge_kw": "100", "discharge_kw": "100", "capacity_kwh": "200",
    "initial_kwh": "100", "end_kwh": "100",
}  # fmt: skip


def stored(desk: Desk, table: str, key: str):
    with desk.world.store.transaction() as tx:
        return register_rows.get(tx, table, key)


def triggers(desk: Desk) -> list[str]:
    with desk.world.store.transaction() as tx:
        return [str(trigger.reason.text) for trigger in day.open_triggers(tx)]
