"""Whatever layout sessions are written in, they are imported exactly or refused; units and nights are not mixed up."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from agr.domain.errors import TableError
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions

TZ = ZoneInfo("Europe/Amsterdam")
DAYS = (date(2024, 4, 10), date(2024, 3, 31), date(2024, 10, 27), date(2024, 10, 26))
Told = tuple[str, str, datetime, datetime, float, float | None]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a list is written."""

    time: str
    separator: str
    decimal: str
    unit: str  # of energy
    named: bool  # whether its column says so
    power: str  # "", or its unit
    numbered: bool
    permutation: int


STYLES = st.builds(
    Style, time=st.sampled_from(("utc", "offset", "local", "days first", "months first")),
    separator=st.sampled_from(";,\t"), decimal=st.sampled_from(".,"), unit=st.sampled_from(("Wh", "kWh", "MWh")),
    named=st.booleans(), power=st.sampled_from(("", "kW", "W", "unnamed kW", "unnamed W")), numbered=st.booleans(),
    permutation=st.integers(0, 1000),
)  # fmt: skip
FORMS = {"offset": "%Y-%m-%dT%H:%M:%S%z", "local": "%Y-%m-%d %H:%M", "days first": "%d/%m/%Y %H:%M",
         "months first": "%m/%d/%Y %I:%M %p"}  # fmt: skip


def truth(day: date, seed: int) -> list[Told]:
    """A few sessions of a day and night, each of 2 to 40 kWh at 3.7 to 11 kW."""
    drawn, found = random.Random(seed), []
    midnight = datetime.combine(day, time(0), TZ).astimezone(UTC)
    for n in range(drawn.randint(1, 14)):
        start = midnight + timedelta(minutes=15 * drawn.randint(-8, 80))
        power = drawn.choice((3.7, 7.4, 11.0))
        hours = drawn.randint(1, 40) / 4
        energy = round(max(min(power * hours * drawn.uniform(0.3, 1), 40), 0.4), 3)
        found.append((f"s{n}", f"cp{n % 3}", start, start + timedelta(hours=hours), energy, power))
    return found


def number(value: float, style: Style) -> str:
    text = f"{value:.12g}" if value < 1000 else f"{value:.0f}"
    return text.replace(".", style.decimal)


def clock(moment: datetime, style: Style) -> str:
    if style.time == "utc":
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return moment.astimezone(TZ).strftime(FORMS[style.time])


def written(sessions: list[Told], style: Style) -> str:
    factor = {"Wh": 1e3, "kWh": 1.0, "MWh": 1e-3}[style.unit]
    table = []
    for name, charger, start, end, energy, power in sessions:
        row = {"charge_point": charger, "start": clock(start, style), "end": clock(end, style), "remark": "x"}
        row[f"energy ({style.unit})" if style.named else "energy"] = number(round(energy * factor, 9), style)
        if style.power:
            unit = style.power.split()[-1]
            watts = number((power or 0) * (1e3 if unit == "W" else 1), style)
            row["max power" if "unnamed" in style.power else f"max power ({unit})"] = watts
        if style.numbered:
            row["session_id"] = name
        table.append(row)
    header = list(table[0])
    random.Random(style.permutation).shuffle(header)
    rows = [header, *([row[name] for name in header] for row in table)]
    return "\n".join(style.separator.join(f'"{cell}"' for cell in row) for row in rows) + "\n"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(style=STYLES, day=st.sampled_from(DAYS), seed=st.integers(0, 1000))
def test_sessions_in_any_layout_are_read_exactly_or_refused(style, day, seed):
    sessions = truth(day, seed)
    with TemporaryDirectory() as place:
        path = Path(place) / "sessions.csv"
        path.write_text(written(sessions, style), encoding="utf-8")
        try:
            found = downloads.sessions(path, ImportOptions(tz=TZ)).values
        except TableError as error:
            event("refused")
            words = str(error)
        else:
            event("read")
            words = ""
    sure = style.time in ("utc", "offset") and style.named and style.power in ("", "kW", "W")
    if words:
        assert not sure or "may be" in words, words  # 12.345 alone does not tell its decimal sign
        return
    expected = {
        (name if style.numbered else str(n), charger, start, end, energy, power if style.power else None)
        for n, (name, charger, start, end, energy, power) in enumerate(sessions, start=2)
    }
    told = {(s.session, s.charger, s.start, s.end, s.energy_kwh, s.max_kw) for s in found if not s.doubt}
    assert told <= expected
    assert len(told) + len([s for s in found if s.doubt]) == len(sessions)
