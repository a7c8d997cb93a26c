"""The layouts of e-programs: what is written is what was meant, to the watt, on days of every length."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agr.connectors.e_programs import COLUMNS, Letter
from agr.domain.e_program import EProgram
from agr.domain.isp import Period

DAYS = st.sampled_from([date(2026, 3, 29), date(2026, 6, 10), date(2026, 10, 25)])  # 23, 24 and 25 hours
PARTS = COLUMNS[-4:]


@st.composite
def letters(draw: Any) -> Letter:
    period = Period(draw(DAYS), isp_minutes=draw(st.sampled_from([5, 15, 60])))
    watts = st.lists(st.integers(-(10**9), 10**9), min_size=period.isp_count, max_size=period.isp_count).map(tuple)
    some = draw(watts)  # one list is enough: parts need not add up to be written
    content = EProgram(power_w=some, day_ahead_w=some[::-1], intraday_w=some[1:] + some[:1], imbalance_w=some)
    return Letter(
        sender="agr.example", brp="one", period=period, revision=draw(st.integers(1, 99)), plan=7, message_id="m-1",
        made_at=datetime(2026, 3, 28, tzinfo=UTC), content=content,
    )  # fmt: skip


@given(letters())
def test_file_and_post_say_the_same_to_the_watt(letter: Letter) -> None:
    rows = list(csv.DictReader(io.StringIO(letter.csv())))
    isps = letter.json()["isps"]
    of = letter.content
    meant = dict(zip(PARTS, (of.power_w, of.day_ahead_w, of.intraday_w, of.imbalance_w), strict=True))
    for part, watts in meant.items():
        for told in ([float(row[part]) for row in rows], [isp[part] for isp in isps]):
            assert [round(mwh * 60e6 / letter.period.isp_minutes) for mwh in told] == list(watts)
    assert [(row["isp"], row["start"]) for row in rows] == [(str(isp["isp"]), isp["start"]) for isp in isps]


@given(letters())
def test_isps_follow_one_another_from_midnight_to_midnight(letter: Letter) -> None:
    starts = [datetime.fromisoformat(isp["start"]) for isp in letter.json()["isps"]]
    length = timedelta(minutes=letter.period.isp_minutes)
    assert starts[0] == letter.period.start
    assert starts[-1] + length == letter.period.end
    assert {later - earlier for earlier, later in pairwise(starts)} == {length}
    assert {row["message_id"] for row in csv.DictReader(io.StringIO(letter.csv()))} == {letter.message_id}
