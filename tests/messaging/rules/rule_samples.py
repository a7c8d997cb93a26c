"""A market day and messages that keep all rules, for tests that break one."""

from datetime import UTC, date, datetime, time, timedelta

from agr.domain.program import IspRun
from agr.domain.register import Contract
from agr.messaging.rules import RuleContext, violations
from agr.uftp import messages as m
from agr.uftp.participants import Participant, Participants
from agr.uftp.signing import KeyPair

KEY = KeyPair(bytes(32)).public
POINT, OTHER_POINT = "ean.871685900012636543", "ea1.2020-01.nl.dso:2"
DAY = date(2026, 3, 30)
NOW = datetime(2026, 3, 29, 10, 0, tzinfo=UTC)  # 12:00 in Amsterdam
IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(10)]


def participant(domain, role, **more):
    return Participant(domain=domain, role=role, endpoint="https://x.nl/", public_keys=(KEY,), **more)


PARTICIPANTS = Participants(
    [
        participant("dso.nl", "DSO"),
        participant("cro.nl", "CRO"),
        participant("both.nl", "DSO"),
        participant("both.nl", "CRO", barred=True),
    ]
)
CONTRACT = Contract(
    contract="flex-7",
    dso="dso.nl",
    congestion_point=POINT,
    first_day=date(2026, 1, 1),
    last_day=date(2026, 12, 31),
    window_start=time(17),
    window_end=time(20),  # ISPs 69 to 80 of a day with 96
    power_w=-50_000,
    availability_eur_per_mw_h=10.0,
    penalty_eur_per_mwh=1000.0,
)


def day(**more):
    fields = {
        "own_domain": "agr.nl",
        "zone_name": "Europe/Amsterdam",
        "isp_minutes": 15,
        "now": NOW,
        "participants": PARTICIPANTS,
        "sender_role": "DSO",
        "contract": CONTRACT,
        "points": frozenset({POINT}),
    }
    return RuleContext(**{**fields, **more})


def metadata(**more):
    fields = {
        "version": "3.1.0",
        "sender_domain": "dso.nl",
        "recipient_domain": "agr.nl",
        "time_stamp": NOW,
        "message_id": IDS[0],
        "conversation_id": IDS[1],
    }
    return {**fields, **more}


def reservation(**more):
    fields = {
        "isp_duration": timedelta(minutes=15),
        "time_zone": "Europe/Amsterdam",
        "period": DAY,
        "congestion_point": POINT,
        "contract_id": "flex-7",
        "dso_reference": "r",
        "isps": (IspRun(69, -50_000, 12),),
    }
    return m.FlexReservationUpdate(**metadata(**{**fields, **more}))


def reasons(message, **context):
    return violations(message, day(**context))
