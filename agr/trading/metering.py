"""Metering messages: what connections have measured, told to the DSOs that want to know it, once a Period has ended.

Source: UFTP specification, message catalog, metering; UFTP-metering.xsd 3.0.0 and 3.1.0.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period, period_of
from agr.settings import ParticipantSettings, Settings
from agr.store import day, executions, outbox, overrides, portfolio, register
from agr.store.engine import Store, Tx
from agr.store.outbox import NewestMessage
from agr.trading.measured import whole_w
from agr.uftp import messages as m
from agr.uftp.codec import decode, encode

log = structlog.get_logger()

KIND = "Metering"
NOT_SENT = "metering not sent"
"""Kind of alarm: measurements of some connections cannot be sent to their DSO."""
REJECTED = "metering rejected"
"""Kind of alarm: a DSO does not accept measurements of connections."""
_AGAIN = timedelta(hours=1)
"""How often late measurements are looked for."""
_DAYS = 7
"""Past Periods that are caught up on after a start."""
_KW = Decimal("0.001")
_EAN = "ean."


@dataclass(frozen=True, kw_only=True)
class MeteringLine:
    """The newest Metering message about a connection and a Period."""

    dso: str
    connection: str
    revision: int
    isps: int  # that were measured
    kwh: float  # in these; consumption positive
    sent_at: datetime
    state: str  # of the outbox: queued, delivered, …
    answer: str | None  # Accepted, Rejected
    answer_reason: str | None


def ean_of(connection: str, digits: int) -> str | None:
    """Return the EAN of a connection as Metering writes it, with this many digits; None: it has another number.

    The schemas demand E and 16 digits, though an EAN of a connection usually has 18, which libraries write.
    """
    number = connection.removeprefix(_EAN)
    return f"E{number}" if connection.startswith(_EAN) and len(number) == digits else None


def profile_of(power_w: Mapping[int, int]) -> m.MeteringProfile:
    """Return ISP → W as the mean power of ISPs in kW; energies are left out, as only the net energy is known."""
    isps = tuple(m.MeteredIsp(start=isp, value=power_w[isp] * _KW) for isp in sorted(power_w))
    return m.MeteringProfile(profile_type="Power", unit="kW", isps=isps)


def metering_lines(tx: Tx, period: Period) -> list[MeteringLine]:
    """Return what DSOs were told of a Period, by DSO and connection."""
    found = []
    for (dso, connection), sent in sorted(outbox.newest(tx, KIND, period.day).items()):
        message = decode(sent.xml)
        assert isinstance(message, m.Metering)
        kw = [float(isp.value) for isp in message.profiles[0].isps]
        found.append(MeteringLine(
            dso=dso, connection=connection, revision=message.revision, isps=len(kw), kwh=sum(kw) * period.isp_hours,
            sent_at=sent.queued_at, state=sent.state, answer=sent.answer, answer_reason=sent.answer_reason,
        ))  # fmt: skip
    return found


class MeteringSender:
    """Queues Metering messages where what was measured is not what was told; a crash loses and repeats nothing."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._told = {
            p.domain: p for p in settings.participants if p.role == "DSO" and p.metering_ean_digits is not None
        }
        self._looked: tuple[Period, datetime] | None = None

    def look(self) -> int:
        """Send DSOs news of the last Period that ended long enough ago; return how many messages were queued."""
        if not self._told:
            return 0
        now, settings = self._clock.now(), self._settings
        running = period_of(now - timedelta(seconds=settings.trading.metering_after_s), settings.time_zone,
                            settings.isp_minutes)  # fmt: skip
        newest = running.previous()
        if self._looked is not None and self._looked[0] == newest and now < self._looked[1] + _AGAIN:
            return 0
        periods = [newest]
        while self._looked is None and len(periods) < _DAYS:
            periods.append(periods[-1].previous())
        queued = sum(self.tell(period) for period in reversed(periods))
        self._looked = (newest, now)
        return queued

    def tell(self, period: Period) -> int:
        """Queue what DSOs have not been told of a Period; return how many messages that are."""
        queued, now = 0, self._clock.now()
        with self._store.transaction() as tx:
            if overrides.held(tx) is not None or not executions.counts(tx, period.start, period.end):
                return 0
            known = register.load(tx)
            behind: dict[str, list[str]] = {}
            for resource, connection in known.connection_of().items():
                behind.setdefault(connection, []).append(resource)
            before = outbox.newest(tx, KIND, period.day)
            unnamed: Counter[str] = Counter()
            for point in portfolio.load(tx, period).points:
                to = self._told.get(point.dso)
                if to is None or to.barred:
                    continue
                groups = {connection: behind.get(connection, []) for connection in point.connections}
                for connection, power_w in whole_w(tx, period, known, groups).items():
                    if not power_w:
                        continue
                    ean = ean_of(connection, to.metering_ean_digits or 0)
                    if ean is None:
                        unnamed[to.domain] += 1
                    else:
                        last = before.get((to.domain, connection))
                        queued += self._queue(tx, period, to, connection, ean, power_w, last, now)
            for domain, to in self._told.items():
                self._judge(tx, period, to, unnamed[domain], now)
        if queued:
            log.info("metering.queued", period=str(period), count=queued)
        return queued

    def _queue(
        self, tx: Tx, period: Period, to: ParticipantSettings, connection: str, ean: str, power_w: Mapping[int, int],
        last: NewestMessage | None, now: datetime,
    ) -> int:  # fmt: skip
        profiles, revision = (profile_of(power_w),), 1
        if last is not None:
            sent = decode(last.xml)
            assert isinstance(sent, m.Metering)
            if (sent.profiles, sent.ean) == (profiles, ean):
                return 0
            revision = sent.revision + 1
        message = m.Metering(
            version=to.version, sender_domain=self._settings.domain, recipient_domain=to.domain, time_stamp=now,
            message_id=str(uuid.uuid4()), conversation_id=str(uuid.uuid4()), time_zone=period.zone_name,
            period=period.day, isp_duration=period.isp_length, revision=revision, ean=ean, profiles=profiles,
        )  # fmt: skip
        outbox.supersede(tx, KIND, period.day, connection)
        outbox.put(
            tx, message_id=message.message_id, conversation_id=message.conversation_id, kind=KIND,
            recipient_domain=to.domain, recipient_role="DSO", xml=encode(message), at=now, period=period.day,
            subject=connection, answer_due_at=now + timedelta(seconds=self._settings.delivery.answer_due_s),
        )  # fmt: skip
        return 1

    @staticmethod
    def _judge(tx: Tx, period: Period, to: ParticipantSettings, unnamed: int, now: datetime) -> None:
        """Raise or end the alarms about a DSO and a Period."""
        subject = f"{to.domain} {period}"
        if unnamed:
            text = (
                f"{number_of(unnamed, 'connection')} without an EAN of {to.metering_ean_digits} digits: {to.domain} is "
                "not told what was measured there; ask it how it writes EANs, and change metering_ean_digits"
            )
            day.raise_alarm(tx, NOT_SENT, subject, text, now)
        else:
            day.recover(tx, NOT_SENT, subject, now)
        newest = outbox.newest(tx, KIND, period.day)
        if not any(one.answer == m.Result.REJECTED for (dso, _), one in newest.items() if dso == to.domain):
            day.recover(tx, REJECTED, subject, now)
