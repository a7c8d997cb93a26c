"""Two balance responsible parties of a small world with a plan: one gets files, the other posts."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from agr.domain.register import Connection
from agr.nomination.deliver import NominationDeliverer
from agr.nomination.nominate import Nominator
from agr.settings import Brp
from agr.store import day, nominations
from agr.store.nominations import Nomination
from tests.builders.operators_side import Desk
from tests.builders.web_hook import WebHook
from tests.builders.worlds import PERIOD, World

FIRST = date(2026, 1, 1)
ONE, TWO = "one", "two"


class Parties:
    """A world with a plan, and two BRPs: one gets files, the other posts."""

    def __init__(self, folder: Path, planned: Path, hook: WebHook) -> None:
        shutil.copy(planned, folder / "agr.db")
        self.world, self.hook, self.drop = World(folder), hook, folder / "e-programs"
        two = Brp(name=TWO, balance="itself", url=hook.url, header_env={"Authorization": "TEST_BRP_TOKEN"})
        brps = (Brp(name=ONE, folder=self.drop), two)
        self.settings = self.world.settings = self.world.settings.model_copy(update={"brps": brps})
        self.store, self.clock = self.world.store, self.world.clock
        self.name_brps(None, TWO)
        self.deliverer = NominationDeliverer(self.store, self.settings, self.clock)
        self._desk: Desk | None = None

    @property
    def desk(self) -> Desk:
        """The operators' side, which takes a second to open."""
        if self._desk is None:
            self._desk = Desk(self.world)
            self.name_brps(*self.named)  # it has a register of its own
        return self._desk

    def close(self) -> None:
        self.deliverer.close()
        if self._desk is not None:
            self._desk.close()
        self.store.close()

    def name_brps(self, of_first: str | None, of_second: str | None) -> None:
        self.named = of_first, of_second
        brps = {"ean.1": of_first, "ean.2": of_second}
        self.world.know_register(
            connections=tuple(Connection(address=a, first_day=FIRST, brp=brp) for a, brp in brps.items())
        )

    def nominator(self) -> Nominator:
        """Return one that has just started: it knows only what the store knows."""
        return Nominator(self.store, self.settings, self.clock)

    def nominate(self, **more: bool) -> int:
        return self.nominator().nominate(PERIOD, **more)

    def history(self, brp: str | None = None) -> list[Nomination]:
        with self.store.transaction() as tx:
            return nominations.history(tx, PERIOD.day, brp)

    def answer(self, one: Nomination, answer: str, why: str = "") -> Any:
        client = self.desk.as_("operator", "answer")
        return client.post(f"/api/v1/nominations/{one.message_id}/answer", json={"answer": answer, "why": why})

    def wait(self, span: timedelta) -> None:
        self.clock.jump_to(self.clock.now() + span)

    def alarms(self) -> list[tuple[str, str]]:
        with self.store.transaction() as tx:
            return [(a.kind, a.subject) for a in day.open_alarms(tx) if a.kind != "reservation not covered"]
