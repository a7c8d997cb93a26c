"""Small worlds for tests of the stages: a store, settings, and counterparties that sign with their own keys."""

import base64
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from lxml import etree
from nacl.signing import SigningKey

from agr.domain.isp import JumpingClock, Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import CongestionPoint, Connection, Contract, Forecast, Price, Register
from agr.messaging.process import Processor
from agr.messaging.receive import Receiver
from agr.settings import MessageLimits, ParticipantSettings, Planning, Settings, Trading
from agr.store import outbox, portfolio, register
from agr.trading import handlers
from agr.uftp.participants import Participant, Participants
from tests.builders.stores import migrated

PERIOD = Period(date(2026, 3, 29))  # 92 ISPs
NOW = datetime(2026, 3, 28, 6, 0, tzinfo=UTC)
POINT, OTHER_POINT = "ea1.2024-01.example.dso:p1", "ea1.2024-01.example.dso:p2"
CONTRACT = "FO-1"


@dataclass
class Party:
    """A counterparty that signs by itself: nacl and text, none of our code."""

    domain: str
    role: str
    key: SigningKey = field(default_factory=SigningKey.generate)

    @property
    def public(self) -> str:
        return "cs1." + base64.b64encode(bytes(self.key.verify_key)).decode()

    def seal(self, xml: str, *, domain: str | None = None, role: str | None = None) -> bytes:
        body = base64.b64encode(self.key.sign(xml.encode())).decode()
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><SignedMessage SenderDomain="{domain or self.domain}" '
            f'SenderRole="{role or self.role}" Body="{body}"/>'
        ).encode()

    def message(
        self, root: str, inner: str = "", *, message_id: str | None = None, to: str = "agr.example", **more: str
    ) -> str:
        attributes = {
            "Version": "3.1.0", "SenderDomain": self.domain, "RecipientDomain": to,
            "TimeStamp": "2026-03-28T06:00:00Z", "MessageID": message_id or str(uuid.uuid4()),
            "ConversationID": str(uuid.uuid4()),
        } | {name.replace("_", "-"): value for name, value in more.items()}  # fmt: skip
        text = " ".join(f'{name}="{value}"' for name, value in attributes.items())
        return f"<{root} {text}>{inner}</{root}>"

    def update(self, isps: str = '<ISP Power="-50000" Start="1" Duration="92"/>', **more: str) -> str:
        values = {
            "ISP_Duration": "PT15M", "TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "CongestionPoint": POINT,
            "ContractID": CONTRACT, "Reference": "r1",
        } | more  # fmt: skip
        return self.message("FlexReservationUpdate", isps, **values)


@dataclass
class World:
    """Settings, store, clock, and a CRO and DSO."""

    folder: Path
    cro: Party = field(default_factory=lambda: Party("cro.example", "CRO"))
    dso: Party = field(default_factory=lambda: Party("dso.example", "DSO"))
    barred: tuple[str, ...] = ()
    clock: JumpingClock = field(default_factory=lambda: JumpingClock(NOW))
    store_url: str = ""
    limits: MessageLimits = field(default_factory=MessageLimits)
    trading: Trading = field(default_factory=Trading)

    def __post_init__(self) -> None:
        self.settings = Settings(
            domain="agr.example",
            data_folder=self.folder,
            store_url=self.store_url or f"sqlite:///{self.folder / 'agr.db'}",
            key_file=self.folder / "agr.key",
            participants=tuple(
                ParticipantSettings(
                    domain=p.domain, role=p.role, endpoint="http://127.0.0.1:9/x", public_keys=(p.public,),
                    barred=p.domain in self.barred,
                )
                for p in (self.cro, self.dso)
            ),
            planning=Planning(join_triggers_s=0.0, threads=1),
            limits=self.limits,
            trading=self.trading,
        )  # fmt: skip
        self.store = migrated(self.settings.store_url)
        self.participants = Participants(
            Participant(domain=p.domain, role=p.role, endpoint=p.endpoint, public_keys=p.public_keys, barred=p.barred)
            for p in self.settings.participants
        )
        self.receiver = Receiver(self.store, self.settings, self.clock, self.participants, lambda: None)
        self.processor = Processor(self.store, self.settings, self.clock, self.participants, handlers.ALL)

    def know_points(self, period: Period = PERIOD) -> None:
        """Store what a CRO would have answered."""
        points = (
            CongestionPoint(address=POINT, dso="dso.example", connections=("ean.1",), intraday_redispatch_by="AGR"),
            CongestionPoint(address=OTHER_POINT, dso="dso.example", connections=("ean.2",)),
        )
        with self.store.transaction() as tx:
            portfolio.replace(tx, period.day, "cro.example", points, ())
            portfolio.set_answer(tx, period.day, "cro.example", "answered", NOW)

    def know_register(self, period: Period = PERIOD, **more: object) -> None:
        """Store two connections, a battery, a load at each, a contract, and prices with a cheap night."""
        first, last = date(2026, 1, 1), date(2026, 12, 31)
        battery = Battery(
            resource="battery", connection="ean.1", charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=100,
            end_kwh=100, charge_efficiency=0.95, discharge_efficiency=0.95, wear_eur_per_mwh=5,
        )  # fmt: skip
        contract = Contract(
            contract=CONTRACT, dso="dso.example", congestion_point=POINT, first_day=first, last_day=last,
            window_start=time(0), window_end=time(0), power_w=-100_000, availability_eur_per_mw_h=1,
            penalty_eur_per_mwh=3000,
        )  # fmt: skip
        flat = tuple([20.0] * period.isp_count)
        values: dict[str, object] = {
            "connections": tuple(Connection(address=c, first_day=first) for c in ("ean.1", "ean.2")),
            "resources": (
                battery,
                FixedLoad(resource="load-1", connection="ean.1"),
                FixedLoad(resource="load-2", connection="ean.2"),
            ),
            "contracts": (contract,),
            "forecasts": tuple(
                Forecast(resource=r, quantity="power_kw", period=period, values=flat) for r in ("load-1", "load-2")
            ),
            "prices": prices("day_ahead_forecast", period),
        }
        with self.store.transaction() as tx:
            register.replace(tx, Register(**(values | more)))  # type: ignore[arg-type]

    def receive(self, body: bytes) -> int:
        """Take a body in and process everything that waits."""
        status = self.receiver.receive(body)
        while self.processor.process_next():
            pass
        return status

    def replies(self) -> "list[etree._Element]":
        """Return what waits to leave, oldest first."""
        found = []
        with self.store.transaction() as tx:
            while due := outbox.due(tx, self.clock.now() + timedelta(days=1)):
                for message in due:
                    found.append((message.id, etree.fromstring(message.xml)))
                    outbox.delivered(tx, message.id, self.clock.now(), "")
        return [element for _, element in sorted(found, key=lambda item: item[0])]


def prices(series: str, period: Period, extra: float = 0.0) -> tuple[Price, ...]:
    """Return hourly prices: 20 in the first half of the day, 120 in the second."""
    hours = period.isp_count // 4
    return tuple(
        Price(
            series=series,
            start=period.start + timedelta(hours=h),
            minutes=60,
            value=(20.0 if h < 12 else 120.0) + extra,
        )
        for h in range(hours)
    )
