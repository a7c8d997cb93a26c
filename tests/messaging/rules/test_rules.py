"""Each rejection reason is given exactly when its rule is broken; several are combined as the specification says."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from agr.domain.program import IspRun
from agr.domain.register import Contract
from agr.messaging.rules import OpenRequest, RuleContext, join, rules_of, violations
from agr.messaging.rules.sender import ROLES
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


def test_good_reservation_has_no_violation():
    assert reasons(reservation()) == ()
    assert reasons(reservation(version="3.0.0"), sender_role=None) == ()


# --- who to whom ---------------------------------------------------------------------------------------------------


def test_message_for_somebody_else():
    assert reasons(reservation(recipient_domain="other.nl")) == ("Unknown RecipientDomain",)


def test_unknown_sender():
    stranger = {"contract": CONTRACT.__class__(**{**vars(CONTRACT), "dso": "who.nl"})}
    assert reasons(reservation(sender_domain="who.nl"), **stranger) == ("Unknown SenderDomain (message)",)


def test_sender_in_a_role_that_may_not_send_this():
    assert reasons(m.TestMessage(**metadata(sender_domain="cro.nl")), sender_role="CRO") == ()
    answer = m.DPrognosisResponse(**metadata(sender_domain="cro.nl"), result="Accepted", reference=IDS[2])
    assert reasons(answer, sender_role="CRO", question=None)[0] == "Invalid SenderRole"


def test_known_domain_in_a_role_it_does_not_have():
    assert reasons(m.TestMessage(**metadata(sender_domain="cro.nl")), sender_role="DSO") == (
        "Invalid Sender combination",
    )


def test_types_an_aggregator_never_gets():
    for root in ("FlexOffer", "DSOPortfolioUpdate", "DSOPortfolioQuery", "FlexOrderResponse"):
        other = m.OtherMessage(**metadata(), root_name=root)
        for role in ("DSO", None):
            assert "Invalid SenderRole" in reasons(other, sender_role=role)
    assert {role for roles in ROLES.values() for role in roles} == {"CRO", "DSO"}


def test_barred_sender_is_barred_in_that_role_only():
    message = m.TestMessage(**metadata(sender_domain="both.nl"))
    assert reasons(message, sender_role="CRO") == ("Barred Sender",)
    assert reasons(message, sender_role="DSO") == ()
    assert reasons(message, sender_role=None) == ("Barred Sender",)


@pytest.mark.parametrize("version", ["2.0.0", "3.2.0", "4.0.0"])
def test_other_versions(version):
    assert reasons(reservation(version=version)) == ("Invalid version",)
    assert reasons(reservation(version=version), supported_versions=(version,)) == ()


# --- period and ISPs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/Paris"])
def test_zone_of_the_same_offset_is_accepted_whatever_its_name(zone):
    assert reasons(reservation(time_zone=zone)) == ()


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Europe/Atlantis", "Europe", "../../etc/passwd"])
def test_zone_of_another_offset(zone):
    message = reservation().model_copy(update={"time_zone": zone})
    assert reasons(message) == ("TimeZone rejected",)


def test_period_must_lie_between_today_and_the_horizon():
    today, context = date(2026, 3, 29), {"horizon_days": 30, "points": None}
    isps = (IspRun(69, 0),)
    assert reasons(reservation(period=today, isps=isps), **context) == ()
    assert reasons(reservation(period=today + timedelta(days=30), isps=isps), **context) == ()
    assert "Period out of bounds" in reasons(reservation(period=today - timedelta(days=1), isps=isps), **context)
    assert "Period out of bounds" in reasons(reservation(period=today + timedelta(days=31), isps=isps), **context)


def test_today_is_the_markets_day_not_utcs():
    late = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)  # 00:30 on 30 March in Amsterdam
    assert reasons(reservation(period=date(2026, 3, 29), isps=(IspRun(96, 0),)), now=late)[0] == "Period out of bounds"


@pytest.mark.parametrize("minutes", [5, 30, 60])
def test_other_isp_durations(minutes):
    assert reasons(reservation(isp_duration=timedelta(minutes=minutes))) == ("ISP duration rejected",)


@pytest.mark.parametrize(
    ("period", "last"), [(date(2026, 3, 29), 92), (date(2026, 3, 30), 96), (date(2026, 10, 25), 100)]
)
def test_isps_end_with_the_day_also_when_clocks_change(period, last):
    whole = reservation(period=period, isps=(IspRun(1, 0, last),))
    beyond = reservation(period=period, isps=(IspRun(1, 0, last + 1),))
    assert reasons(whole) == ()
    assert reasons(beyond) == ("ISPs out of bounds",)


@pytest.mark.parametrize("run", [IspRun(0, 0), IspRun(-3, 0, 100), IspRun(97, 0), IspRun(10, 0, 0), IspRun(10, 0, -1)])
def test_isps_outside_the_day(run):
    assert "ISPs out of bounds" in reasons(reservation(isps=(IspRun(80, 0), run)))


def test_isps_defined_twice():
    # the specification's own example: Start 1 Duration 4 and Start 2 Duration 1
    assert reasons(reservation(isps=(IspRun(1, 0, 4), IspRun(2, 0)))) == ("ISP conflict",)
    assert reasons(reservation(isps=(IspRun(5, 0), IspRun(1, 0, 4)))) == ()
    assert reasons(reservation(isps=(IspRun(5, 0), IspRun(5, 0)))) == ("ISP conflict",)


def test_congestion_point_that_is_not_in_the_list():
    elsewhere = CONTRACT.__class__(**{**vars(CONTRACT), "congestion_point": OTHER_POINT})
    message = reservation(congestion_point=OTHER_POINT)
    assert reasons(message, contract=elsewhere) == ("Invalid CongestionPoint",)
    assert reasons(message, contract=elsewhere, points=None) == ()


# --- reservations --------------------------------------------------------------------------------------------------


def contract(**more):
    return {"contract": CONTRACT.__class__(**{**vars(CONTRACT), **more})}


def test_contract_must_exist_and_be_for_this_sender_point_and_day():
    assert reasons(reservation(), contract=None) == ("Unknown ContractID",)
    assert reasons(reservation(), **contract(dso="both.nl")) == ("ContractID of another party",)
    assert reasons(reservation(), **contract(congestion_point=OTHER_POINT)) == (
        "ContractID does not cover this CongestionPoint",
    )
    released = reservation(isps=(IspRun(69, 0, 12),))
    assert reasons(released, **contract(last_day=date(2026, 3, 29))) == ("ContractID not valid in this Period",)
    assert reasons(released, **contract(first_day=date(2026, 3, 31))) == ("ContractID not valid in this Period",)
    assert reasons(released, **contract(first_day=DAY, last_day=DAY)) == ()


@pytest.mark.parametrize(
    ("run", "fits"),
    [
        (IspRun(69, -50_000, 12), True),
        (IspRun(69, -1, 12), True),
        (IspRun(69, 0, 12), True),
        (IspRun(1, 0, 96), True),
        (IspRun(69, -50_001), False),  # more than contracted
        (IspRun(69, 1), False),  # the other sign
        (IspRun(68, -50_000), False),  # before the window
        (IspRun(80, -50_000, 2), False),  # beyond the window
        (IspRun(1, -1), False),
    ],
)
def test_power_may_only_shrink_what_is_contracted(run, fits):
    assert reasons(reservation(isps=(run,))) == (() if fits else ("Power value rejection",))


def test_power_of_a_contract_for_more_consumption():
    more = contract(power_w=50_000)
    assert reasons(reservation(isps=(IspRun(69, 50_000),)), **more) == ()
    assert reasons(reservation(isps=(IspRun(69, -1),)), **more) == ("Power value rejection",)
    assert reasons(reservation(isps=(IspRun(69, 50_001),)), **more) == ("Power value rejection",)


def test_window_moves_with_the_clock():
    # 29 March 2026 has 92 ISPs, so 17:00 is ISP 65
    period = date(2026, 3, 29)
    assert reasons(reservation(period=period, isps=(IspRun(65, -50_000, 12),))) == ()
    assert reasons(reservation(period=period, isps=(IspRun(64, -50_000),))) == ("Power value rejection",)


def test_deadline_as_agreed():
    until = datetime(2026, 3, 29, 9, 0, tzinfo=UTC)
    assert reasons(reservation(), reservations_until=until) == ("Deadline expired",)
    assert reasons(reservation(), reservations_until=NOW) == ()


def test_without_a_deadline_an_update_must_still_say_something():
    # NOW is 12:00 local on the day with 92 ISPs: ISP 44 (11:45 to 12:00) has just ended
    def today(run):
        return reservation(period=date(2026, 3, 29), isps=(run,))

    assert reasons(today(IspRun(1, 0, 44))) == ("Deadline expired",)
    assert reasons(today(IspRun(1, 0, 45))) == ()
    assert reasons(today(IspRun(0, 0))) == ("ISPs out of bounds",)


# --- answers -------------------------------------------------------------------------------------------------------


def prognosis_answer(**more):
    return m.DPrognosisResponse(**metadata(**{"result": "Accepted", "reference": IDS[2], **more}))


def question(**more):
    fields = {
        "message_id": IDS[2],
        "conversation_id": IDS[1],
        "type": "D-Prognosis",
        "recipient_domain": "dso.nl",
        "period": DAY,
        "congestion_point": POINT,
    }
    return OpenRequest(**{**fields, **more})


def test_answer_to_our_question():
    assert reasons(prognosis_answer(), question=question()) == ()
    assert reasons(prognosis_answer(reference=IDS[2].upper()), question=question(message_id=IDS[2].lower())) == ()


@pytest.mark.parametrize(
    "asked",
    [
        None,
        question(message_id=IDS[3]),
        question(recipient_domain="both.nl"),
        question(type="AGRPortfolioQuery"),
        question(type="Nonsense"),
    ],
)
def test_answer_to_no_question_of_ours(asked):
    assert reasons(prognosis_answer(), question=asked) == ("Unknown D-PrognosisMessageID reference",)


def test_answer_in_another_conversation():
    assert reasons(prognosis_answer(), question=question(conversation_id=IDS[5])) == ("ConversationID mismatch",)


def portfolio_answer(**more):
    fields = {
        "sender_domain": "cro.nl",
        "result": "Accepted",
        "reference": IDS[2],
        "time_zone": "Europe/Amsterdam",
        "period": DAY,
    }
    return m.AGRPortfolioQueryResponse(**metadata(**{**fields, **more}))


def test_portfolio_must_be_of_the_period_asked_for():
    context = {"sender_role": "CRO", "question": question(type="AGRPortfolioQuery", recipient_domain="cro.nl")}
    assert reasons(portfolio_answer(), **context) == ()
    assert reasons(portfolio_answer(period=DAY + timedelta(days=1)), **context) == ("Reference Period mismatch",)
    assert reasons(portfolio_answer(time_zone="Europe/London"), **context) == ("TimeZone rejected",)
    assert reasons(portfolio_answer(period=date(2026, 3, 1)), **context) == (
        "Reference Period mismatch",
        "Period out of bounds",
    )
    undated = question(type="AGRPortfolioQuery", recipient_domain="cro.nl", period=None)
    assert reasons(portfolio_answer(), sender_role="CRO", question=undated) == ()


def test_rejected_portfolio_without_period_and_zone_is_heard():
    context = {"sender_role": "CRO", "question": question(type="AGRPortfolioQuery", recipient_domain="cro.nl")}
    assert reasons(portfolio_answer(result="Rejected", period=None, time_zone=None), **context) == ()
    assert reasons(portfolio_answer(result="Rejected", period=None, time_zone="Europe/London"), **context) == ()


def test_bare_test_answer_needs_no_reference():
    assert reasons(m.TestMessageResponse(**metadata())) == ()
    later = m.TestMessageResponse(**metadata(), reference=IDS[7])
    assert reasons(later) == ("Unknown ReferenceMessageID reference",)


# --- the rest ------------------------------------------------------------------------------------------------------


def test_requests_that_are_not_read():
    assert reasons(m.OtherMessage(**metadata(), root_name="DSOPortfolioQuery")) == (
        "Invalid SenderRole",
        "Message type not supported",
    )
    assert reasons(m.OtherMessage(**metadata(), root_name="DSOPortfolioQueryResponse")) == ("Invalid SenderRole",)


def test_all_reasons_are_given_and_joined_by_semicolons():
    bad = reservation(
        version="9.0.0",
        recipient_domain="x.nl",
        isp_duration=timedelta(minutes=5),
        isps=(IspRun(1, 5, 4), IspRun(2, 0, 200)),
    )
    found = reasons(bad)
    assert found == (
        "Unknown RecipientDomain",
        "Invalid version",
        "ISP duration rejected",
        "ISPs out of bounds",
        "ISP conflict",
        "Power value rejection",
    )
    assert join(found).count("; ") == 5
    assert join(()) == ""


def test_every_type_has_rules_and_isp_messages_have_theirs():
    names = {kind: [rule.__name__ for rule in rules_of(kind)] for kind in (*m.TYPES.values(), m.OtherMessage)}
    assert all(len(rules) == len(set(rules)) >= 6 for rules in names.values())
    assert "isps_do_not_overlap" in names[m.DPrognosis]
    assert "isps_do_not_overlap" not in names[m.AGRPortfolioQueryResponse]
    assert names[m.FlexReservationUpdate][-1] == "the_power_is_as_contracted"
