"""Each rejection reason is given exactly when its rule is broken; several are combined as the specification says."""

from datetime import UTC, date, datetime, timedelta

import pytest

from agr.domain.program import IspRun
from agr.messaging.rules import join, rules_of
from agr.messaging.rules.sender import ROLES
from agr.uftp import messages as m
from tests.messaging.rules.rule_samples import CONTRACT, DAY, IDS, NOW, OTHER_POINT, metadata, reasons, reservation


def test_good_reservation_has_no_violation():
    assert reasons(reservation()) == ()
    assert reasons(reservation(version="3.0.0"), sender_role=None) == ()


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
    kinds: list[type[m.Message]] = [*m.TYPES.values(), m.OtherMessage]
    names = {kind: [rule.__name__ for rule in rules_of(kind)] for kind in kinds}
    assert all(len(rules) == len(set(rules)) >= 6 for rules in names.values())
    assert "isps_do_not_overlap" in names[m.DPrognosis]
    assert "isps_do_not_overlap" not in names[m.AGRPortfolioQueryResponse]
    assert names[m.FlexReservationUpdate][-1] == "the_power_is_as_contracted"
