"""Time arithmetic, checked by counting UTC steps with zoneinfo alone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agr.domain.errors import InputError
from agr.domain.isp import Gate, Period, local_instant, parse_duration, period_of, zone

ZONES = [
    "Europe/Amsterdam",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Lisbon",
    "America/New_York",
    "America/Havana",  # the hour 00-01 repeats
    "America/Sao_Paulo",  # until 2018 midnight was skipped
    "Africa/Cairo",  # midnight skipped
    "Asia/Kathmandu",  # +05:45
    "Pacific/Chatham",  # +12:45 with DST
    "Australia/Lord_Howe",  # DST of half an hour
    "Asia/Tokyo",
    "UTC",
]
DAYS = st.dates(date(2012, 1, 2), date(2037, 12, 30))
SPRING, AUTUMN, ORDINARY = date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1)


def counted_starts(day, zone_name, minutes):
    """Oracle: walk through UTC in steps of one ISP from the first instant whose local date is `day`."""
    tz, step = ZoneInfo(zone_name), timedelta(minutes=5)
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=26)
    while instant.astimezone(tz).date() < day:
        instant += step
    starts = []
    while instant.astimezone(tz).date() == day:
        starts.append(instant)
        instant += timedelta(minutes=minutes)
    return starts, instant


def whole_isps(day, zone_name, minutes):
    """Whether the local day is a whole number of ISPs (Lord Howe has days of 23.5 hours)."""
    return len(counted_starts(day, zone_name, 5)[0]) * 5 % minutes == 0


@settings(deadline=None)
@given(DAYS, st.sampled_from(ZONES), st.sampled_from([15, 30, 60]))
def test_isps_of_any_day_are_those_counted_in_utc(day, zone_name, minutes):
    assume(whole_isps(day, zone_name, minutes))
    starts, end = counted_starts(day, zone_name, minutes)
    period = Period(day, zone_name, minutes)
    assert period.starts() == starts
    assert period.isp_count == len(starts)
    assert (period.start, period.end) == (starts[0], end)


@pytest.mark.parametrize("zone_name", ZONES)
@pytest.mark.parametrize("year", [2017, 2026])
def test_every_day_of_a_year_begins_where_the_one_before_ends(zone_name, year):
    period = Period(date(year, 1, 1), zone_name)
    minutes = 0.0
    while period.day.year == year:
        assert period.next().previous() == period
        assert period.next().start == period.end
        minutes += (period.end - period.start).total_seconds() / 60
        period = period.next()
    first, last = datetime(year, 1, 1, tzinfo=ZoneInfo(zone_name)), datetime(year + 1, 1, 1, tzinfo=ZoneInfo(zone_name))
    assert minutes == (last.astimezone(UTC) - first.astimezone(UTC)).total_seconds() / 60


@pytest.mark.parametrize(
    ("day", "minutes", "count"),
    [
        (SPRING, 15, 92), (ORDINARY, 15, 96), (AUTUMN, 15, 100),
        (SPRING, 60, 23), (ORDINARY, 60, 24), (AUTUMN, 60, 25),
        (SPRING, 5, 276), (AUTUMN, 30, 50),
    ],
)  # fmt: skip
def test_dutch_days_have_92_96_or_100_quarters(day, minutes, count):
    period = Period(day, isp_minutes=minutes)
    assert period.isp_count == count
    assert period.isp_hours == pytest.approx(minutes / 60)
    assert period.isp_length == timedelta(minutes=minutes)


def test_midnight_that_dst_skips_is_the_moment_of_the_change():
    # São Paulo 2018-11-04: 00:00 −03 became 01:00 −02, so the day starts at 03:00Z and has 23 hours.
    period = Period(date(2018, 11, 4), "America/Sao_Paulo", 60)
    assert period.start == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert period.isp_count == 23
    assert period.label(1) == "01:00"


def test_midnight_that_comes_twice_is_the_first():
    # Havana 2026-11-01: at 01:00 CDT (−04) the clock goes back to 00:00 CST (−05).
    period = Period(date(2026, 11, 1), "America/Havana", 60)
    assert period.start == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert period.isp_count == 25


@settings(deadline=None)
@given(DAYS, st.sampled_from(ZONES), st.integers(0, 24 * 3600 * 10**6 - 1), st.integers(-2, 2))
def test_an_instant_lies_in_the_isp_it_is_counted_to(day, zone_name, microseconds, days):
    period = Period(day, zone_name)
    instant = period.start + timedelta(days=days, microseconds=microseconds)
    number = period.isp_of(instant)
    inside = period_of(instant, zone_name).day == day
    assert inside == (1 <= number <= period.isp_count)
    if inside:
        assert period.isp_start(number) <= instant < period.isp_start(number) + period.isp_length
        assert instant.astimezone(ZoneInfo(zone_name)).date() == day


def test_isp_outside_the_day_is_refused_and_the_one_after_the_last_is_the_end():
    period = Period(SPRING)
    assert period.isp_start(93) == period.end
    for isp in (0, -1, 94):
        with pytest.raises(InputError, match=rf"ISP {isp} is outside 1\.\.92 of Period 2026-03-29"):
            period.isp_start(isp)


def test_labels_tell_repeated_hours_apart():
    autumn = Period(AUTUMN)
    labels = [autumn.label(isp) for isp in range(1, 101)]
    assert len(set(labels)) == 100
    assert labels[8:17:4] == ["02:00+0200", "02:00+0100", "03:00+0100"]
    spring = Period(SPRING)
    assert [spring.label(isp) for isp in (1, 8, 9, 92)] == ["00:00", "01:45", "03:00", "23:45"]


@pytest.mark.parametrize(("day", "first"), [(SPRING, 12), (ORDINARY, 16), (AUTUMN, 20)])
def test_the_first_block_of_four_hours_has_12_16_or_20_isps(day, first):
    blocks = Period(day).blocks()
    assert [blocks.count(block) for block in range(6)] == [first, 16, 16, 16, 16, 16]
    assert blocks == sorted(blocks)


@settings(deadline=None)
@given(DAYS, st.sampled_from(ZONES), st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]))
def test_blocks_follow_the_wall_clock(day, zone_name, hours):
    starts, _ = counted_starts(day, zone_name, 15)
    expected = [int(start.astimezone(ZoneInfo(zone_name)).strftime("%H")) // hours for start in starts]
    assert Period(day, zone_name).blocks(hours) == expected


def test_periods_sort_by_day_and_read_as_their_date():
    assert Period(ORDINARY) < Period(ORDINARY).next()
    assert str(Period(ORDINARY)) == "2026-06-01"
    assert Period(ORDINARY).tz.key == "Europe/Amsterdam"


@pytest.mark.parametrize("day", [date.min, date.max])
def test_days_at_the_end_of_the_calendar_are_refused_in_words(day):
    with pytest.raises(InputError, match=f"{day} is outside"):
        Period(day)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe", "Europe/\0", "x" * 300, "Ö"])
def test_unknown_zone_is_named(name):
    with pytest.raises(InputError, match="is not a time zone; use an IANA name"):
        zone(name)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("PT15M", 15), ("PT0.25H", 15), ("PT900S", 15), (" PT15M\n", 15), ("PT0H15M0S", 15), ("PT1H", 60),
        ("P1D", 1440), ("P1DT1H30M", 1530), ("PT0M", 0), ("PT7.5M", 7.5),
    ],
)  # fmt: skip
def test_durations_are_read_by_value(text, minutes):
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "15M", "P1M", "P1Y", "-PT15M", "PT15", "PT15m", "PT.5H", "PT1H1H", "P1DT", "P" + "9" * 400 + "D",
     "P999999999999D", "PT１５M"],
)  # fmt: skip
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(InputError, match="is not an ISO 8601 duration"):
        parse_duration(text)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_durations_add_up(days, hours, minutes, seconds):
    text = f"P{days}DT{hours}H{minutes}M{seconds}S"
    assert parse_duration(text) == timedelta(seconds=((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def test_wall_clock_time_that_dst_skips_is_moved_on_and_ambiguous_is_the_first():
    tz = ZoneInfo("Europe/Amsterdam")
    assert local_instant(SPRING, time(2, 30), tz) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 local
    assert local_instant(AUTUMN, time(2, 30), tz) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # still +02:00
    assert local_instant(AUTUMN, time(2, 30), tz, second=True) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # +01:00


@settings(deadline=None)
@given(DAYS, st.sampled_from(ZONES), st.integers(-3, 3), st.times())
def test_a_gate_is_its_wall_clock_time_so_many_days_before(day, zone_name, days_before, at):
    instant = Gate("gate", at, days_before).instant(Period(day, zone_name))
    local = instant.astimezone(ZoneInfo(zone_name))
    wanted = datetime.combine(day - timedelta(days=days_before), at)
    shift = local.replace(tzinfo=None) - wanted  # not zero only where DST skips the wanted time
    assert instant.tzinfo is UTC
    assert timedelta(0) <= shift <= timedelta(hours=1)
    if shift:
        before, after = instant - timedelta(hours=2), instant
        assert before.astimezone(local.tzinfo).utcoffset() < after.astimezone(local.tzinfo).utcoffset()


def test_gate_of_the_day_before_a_dst_change_uses_the_offset_of_its_own_day():
    gate = Gate("day-ahead", time(12))
    assert gate.instant(Period(SPRING)) == datetime(2026, 3, 28, 11, tzinfo=UTC)
    assert gate.instant(Period(SPRING).next()) == datetime(2026, 3, 29, 10, tzinfo=UTC)


@pytest.mark.parametrize("changed", [SPRING, AUTUMN])
def test_as_early_is_the_same_time_of_the_clock_as_many_days_before(changed):
    day = Period(changed)
    for of in (day.previous(), day, day.next()):
        early = Gate("first plan", time(1, 30), 1).instant(of)  # before the hour of the change
        for other in (day.previous(), day, day.next()):
            assert of.as_early(early, other) == Gate("first plan", time(1, 30), 1).instant(other)
    assert day.next().start - day.next().as_early(day.start, day.next()) == day.end - day.start


def test_period_of_an_instant_is_its_local_day():
    instant = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert period_of(instant, "Europe/Amsterdam") == Period(SPRING)
    assert period_of(instant, "UTC", 30) == Period(date(2026, 3, 28), "UTC", 30)


@given(DAYS, DAYS, st.sampled_from(ZONES), st.sampled_from([15, 30]))
@settings(max_examples=200, deadline=None)
def test_another_days_values_stand_in_at_the_same_wall_clock_time(day, other, zone_name, minutes):
    """Wherever both days have the local time, once or twice, it is found; else a time of the next two hours."""
    source, target = Period(day, zone_name, minutes), Period(other, zone_name, minutes)
    walls = [start.astimezone(source.tz) for start in source.starts()]
    known = {(wall.time(), wall.fold) for wall in walls}
    found = source.isps_of_wall_clock(target)
    assert len(found) == target.isp_count
    for start, isp in zip(target.starts(), found, strict=True):
        wanted = start.astimezone(target.tz)
        if (wanted.time(), wanted.fold) in known:
            assert (walls[isp].time(), walls[isp].fold) == (wanted.time(), wanted.fold)
        elif (wanted.time(), 0) in known:
            assert walls[isp].time() == wanted.time()
        else:
            ahead = timedelta(hours=walls[isp].hour - wanted.hour, minutes=walls[isp].minute - wanted.minute)
            assert timedelta(0) <= ahead <= timedelta(hours=2)


def test_the_clock_changes_of_a_year_by_hand():
    """ISPs count from 0 here. 08:00 is ISP 32 of an ordinary day, 28 of 29 March and 36 of 25 October.

    02:15 is skipped in spring: 03:15 stands in for it, ISP 9. In autumn it is ISP 9 and again ISP 13.
    """
    spring, autumn, ordinary = Period(SPRING), Period(AUTUMN), Period(ORDINARY)
    assert ordinary.isps_of_wall_clock(spring)[28] == 32
    assert ordinary.isps_of_wall_clock(autumn)[36] == 32
    assert spring.isps_of_wall_clock(ordinary)[32] == 28
    assert autumn.isps_of_wall_clock(ordinary)[32] == 36
    assert spring.isps_of_wall_clock(ordinary)[9] == 9
    assert autumn.isps_of_wall_clock(ordinary)[9] == 9
    assert [ordinary.isps_of_wall_clock(autumn)[isp] for isp in (9, 13)] == [9, 9]
    assert [spring.isps_of_wall_clock(autumn)[isp] for isp in (9, 13)] == [9, 9]
    assert autumn.isps_of_wall_clock(Period(date(2025, 10, 26))) == list(range(100))
    assert ordinary.isps_of_wall_clock(ordinary.next()) == list(range(96))


@pytest.mark.parametrize("minutes", [0, 7, 13, 25, 40, 45, 90, 120, -15])
def test_isps_that_do_not_fill_an_hour_are_refused(minutes):
    with pytest.raises(InputError, match=f"isp_minutes is {minutes}, which does not divide an hour; markets use"):
        Period(ORDINARY, "Europe/Amsterdam", minutes)


def test_a_day_that_is_no_whole_number_of_isps_is_refused():
    """On Lord Howe Island the clock changes by half an hour: the day of 4 October 2026 has 23 and a half."""
    assert Period(date(2026, 10, 4), "Australia/Lord_Howe", 30).isp_count == 47
    with pytest.raises(InputError, match="lasts 23:30:00 in Australia/Lord_Howe, no whole number of ISPs of 60"):
        _ = Period(date(2026, 10, 4), "Australia/Lord_Howe", 60).isp_count
