"""Reservations entered by an operator: parsed strictly, with every fault named, and shown beside the current ones."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.operations.reservation_form import Range, ReservedStretch, ranges_of, read_pasted, read_ranges, stretches

DAY = Period(date(2026, 6, 10))
SHORT, LONG = Period(date(2026, 3, 29)), Period(date(2026, 10, 25))  # 92 and 100 ISPs


def filled(period: Period, values: dict[int, int]) -> tuple[int, ...]:
    return tuple(values.get(isp, 0) for isp in range(1, period.isp_count + 1))


@given(st.sampled_from([DAY, SHORT, LONG]), st.data())
def test_what_the_form_shows_reads_back_as_it_was(period, data):
    power_w = tuple(data.draw(st.lists(st.integers(-3, 3), min_size=period.isp_count, max_size=period.isp_count)))
    assert read_ranges(ranges_of(power_w), period) == power_w
    assert read_pasted("\n".join(map(str, power_w)), period) == power_w
    rows = [f"{isp}\t{w}" for isp, w in enumerate(power_w, start=1)]
    assert read_pasted("ISP\tPower (W)\n" + "\n".join(rows), period) == power_w


@pytest.mark.parametrize(
    "line", ["73-80 -200000", "73–80\t−200000", "73 - 80;-200000", "73 80 -200000", "18:00-20:00 -200000",
             "18:00 20:00\t-200000", "18:00 – 20:00  -200000", "73\t80\t-200000", "73 – 80 ; -200000 "],
)  # fmt: skip
def test_isps_and_local_times_in_any_usual_writing(line):
    assert read_pasted(line, DAY) == filled(DAY, dict.fromkeys(range(73, 81), -200_000))


def test_times_mean_local_time_on_days_with_a_change_of_clocks():
    assert read_pasted("03:00 -1", SHORT) == filled(SHORT, {9: -1}), "02:00 to 03:00 is skipped"
    assert read_pasted("23:45-00:00 -1", SHORT) == filled(SHORT, {92: -1})
    assert read_pasted("03:00-24:00 -1", LONG) == filled(LONG, dict.fromkeys(range(17, 101), -1))
    assert read_pasted("02:00 -1\n02:00+0100 -2", LONG) == filled(LONG, {9: -1, 13: -2}), "the hour comes twice"
    with pytest.raises(InputError, match="line 1: 02:15 does not begin and end where an ISP of 2026-03-29 does"):
        read_pasted("02:15 -1", SHORT)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "nothing was pasted"),
        ("ISP\tW", "nothing was pasted"),
        ("\n".join("0" * 95), r"95 values were pasted, 2026-06-10 has 96 ISPs"),
        ("97 -1", "line 1: ISPs 97 to 97 are not in order within 1 to 96"),
        ("0 -1", "line 1: ISPs 0 to 0"),
        ("80-73 -1", "line 1: ISPs 80 to 73 are not in order"),
        ("1 -200.000", "line 1: '-200.000' is not a power; write whole W"),
        ("1 -200,000", "line 1: '-200,000' is not a power"),
        ("1 1e5", "line 1: '1e5' is not a power"),
        ("1-3 -5\n3 -5", "line 2: ISP 3 is in line 1 already"),
        ("18:07 -5", "line 1: 18:07 does not begin and end where an ISP"),
        ("20:00-18:00 -5", "line 1: ISPs 81 to 72 are not in order"),
        ("soon -5", "line 1: 'soon' is neither ISPs"),
        ("1 2 3 -5", "line 1: expected ISPs or times and a power"),
        ("1\t20 500", "line 1: '20 500' is not a power"),
        ("1\t50 000", "line 1: '50 000' is not a power"),
        ("5\t12 096", "line 1: '12 096' is not a power"),
        ("5\t12\u202f500", "line 1: '12.*500' is not a power"),
        ("1;-20 500", "line 1: '-20 500' is not a power"),
        ("5 096", "line 1: '096' is not a power"),
        ("1 20 500", "line 1: '20 500' is not a power; write whole W without spaces and with a tab or ;"),
        ("5 - 12 500", "line 1: '12 500' is not a power"),
        ("73\t80\t", "line 1: '' is not a power"),
        ("\t80\t-5", "line 1: '-80' is neither ISPs"),
        ("73\t-\t-5", "line 1: '73--' is neither ISPs"),
        ("1 2 20 500", "line 1: '20 500' is not a power"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, fault):
    with pytest.raises(InputError, match=fault):
        read_pasted(text, DAY)


def test_a_blank_line_shifts_no_value():
    values = [str(isp) for isp in range(1, 97)]
    assert read_pasted("\n\t\n" + "\n".join(values) + "\n \n", DAY) == tuple(range(1, 97))
    values[4] = "\t"
    for more in ([], ["97"]):
        with pytest.raises(InputError, match=r"^line 6: the line is blank; write 0 where nothing is reserved$"):
            read_pasted("\n".join(["W", *values, *more]), DAY)
    assert read_pasted("73 -5\n\n74 -6", DAY) == filled(DAY, {73: -5, 74: -6}), "each line says where it belongs"


def test_all_faults_are_named_at_once_but_not_without_end():
    with pytest.raises(InputError, match=r"(?s)line 1: .*line 2: .*line 8: .*\nand 4 more$"):
        read_pasted("\n".join(f"{isp} x" for isp in range(1, 13)), DAY)
    with pytest.raises(InputError, match=r"(?s)range 1: 'much' is not a power.*range 3: ISP 5 is in range 2 already"):
        read_ranges(
            [Range(first="1", last="2", power_w="much"), Range(first="4", last="6", power_w="-1"),
             Range(first="5", power_w="-1"), Range(first="7", last="8", power_w=" ")], DAY,
        )  # fmt: skip


def test_old_and_new_are_shown_where_anything_is_contracted():
    contracted, now, entered = (dict.fromkeys(range(73, 77), w) for w in (-9, -5, -5))
    entered[76] = 0
    assert stretches(DAY, filled(DAY, contracted), filled(DAY, now), filled(DAY, entered)) == [
        ReservedStretch(first=73, last=75, start="18:00", end="18:45", contracted_w=-9, now_w=-5, entered_w=-5),
        ReservedStretch(first=76, last=76, start="18:45", end="19:00", contracted_w=-9, now_w=-5, entered_w=0),
    ]
