"""Whatever layout prices are written in, they are imported exactly or refused, and a refused import leaves nothing."""

import csv
import gzip
import io
import random
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from agr.domain.errors import InputError, TableError
from agr.domain.isp import Period
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions
from agr.scenario.importing import ImportRequest, import_scenario
from agr.scenario.scenario import Scenario

DAYS = (
    date(2024, 4, 10),
    date(2024, 3, 31),
    date(2024, 10, 27),
    date(2024, 10, 28),
    date(2025, 10, 1),
    date(2025, 1, 4),
)
TIMES = ("utc", "utc named", "offset", "local", "local named", "us", "dutch", "split")
SURE = ("utc", "utc named", "offset")
LENGTHS = ("end", "minutes", "iso", "hours", "none", "range", "end only")
EXTRAS = ("Volume (MWh)", "source", "Sequence", "Currency", "remark")
ZONES = ("Europe/Amsterdam", "Europe/Helsinki", "Europe/London")
FILES = Path(__file__).parent / "imports"
KINDS = ("day_ahead", "capacity", "imbalance", "sessions")
OTHER_AREA = 333.25
Row = tuple[datetime, int, float]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a file is written."""

    time: str
    length: str
    separator: str
    decimal: str
    grouped: bool
    decimals: int
    order: str
    extras: tuple[str, ...]
    permutation: int
    packing: str
    preamble: str
    quoted: bool
    areas: int

    @property
    def sure(self) -> bool:
        """Whether nothing in the file may be meant in two ways: it must be read."""
        told = self.length in ("end", "minutes", "iso", "range") and self.time in SURE
        return told and not self.grouped and self.decimals == 2 and (self.quoted or self.separator != self.decimal)


STYLES = st.builds(
    Style, time=st.sampled_from(TIMES), length=st.sampled_from(LENGTHS), separator=st.sampled_from(";,\t|"),
    decimal=st.sampled_from(".,"), grouped=st.booleans(), decimals=st.sampled_from((0, 1, 2, 3)),
    order=st.sampled_from(("up", "up", "down", "mixed")), permutation=st.integers(0, 10_000),
    extras=st.lists(st.sampled_from(EXTRAS), unique=True).map(tuple),
    packing=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "gz", "zip")),
    preamble=st.sampled_from(("", "", "sep", "title", "comment")), quoted=st.booleans(), areas=st.integers(0, 2),
)  # fmt: skip


def truth(day: date, zone: str, minutes: tuple[int, int], seed: int, decimals: int) -> list[Row]:
    """Prices of a day and the day before it, each day with products of its own length."""
    drawn, found = random.Random(seed), []
    for period, length in zip((Period(day, zone).previous(), Period(day, zone)), minutes, strict=True):
        count = (period.end - period.start) // timedelta(minutes=length)
        for n in range(count):
            value = round(drawn.choice((1, 1, 1, 20)) * drawn.uniform(-100, 150), decimals)
            found.append((period.start + n * timedelta(minutes=length), length, value))
    return found


def number(value: float, style: Style) -> str:
    text = f"{value:,.{style.decimals}f}" if style.grouped else f"{value:.{style.decimals}f}"
    return text.translate(str.maketrans(",.", ".,")) if style.decimal == "," else text


def clock(moment: datetime, style: Style, tz: ZoneInfo) -> str:
    if style.time == "utc":
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    if style.time == "utc named":
        return f"{moment:%d.%m.%Y %H:%M}"
    local = moment.astimezone(tz)
    form = {"offset": "%Y-%m-%dT%H:%M:%S%z", "us": "%m/%d/%Y %I:%M %p", "dutch": "%d/%m/%Y %H:%M:%S"}
    return local.strftime(form.get(style.time, "%Y-%m-%d %H:%M"))


def cells(row: Row, style: Style, tz: ZoneInfo, area: str) -> dict[str, str]:
    """One row: the name of each column and its cell."""
    start, minutes, value = row
    end = start + timedelta(minutes=minutes)
    zone = {"utc named": " (UTC)", "local named": f" ({tz.key})"}.get(style.time, "")
    begins, ends = clock(start, style, tz), clock(end, style, tz)
    found = {}
    if style.time == "split":
        found["Date"] = begins[:10]
        begins, ends = begins[11:], ends[11:]
    if style.length == "range":
        found[f"MTU{zone}"] = f"{begins} - {ends}"
    elif style.length == "end only":
        found[f"End{zone}"] = ends
    else:
        found[f"Start{zone}"] = begins
    if style.length == "end":
        found[f"End{zone}"] = ends
    if style.length in ("minutes", "end only"):
        found["minutes"] = str(minutes)
    if style.length == "iso":
        found["Resolution"] = f"PT{minutes}M" if minutes < 60 else "PT1H"
    if style.length == "hours":
        found["duration (h)"] = f"{minutes / 60:g}"
    found["Price (EUR/MWh)"] = number(value, style)
    extra = {"Volume (MWh)": "12", "source": "a", "Sequence": "1", "Currency": "EUR", "remark": ""}
    found |= {name: extra[name] for name in style.extras}
    return found | ({"Area": area if style.separator == "|" else f"BZN|{area}"} if style.areas else {})


def written(rows: list[Row], style: Style, tz: ZoneInfo) -> bytes:
    table = [cells(row, style, tz, "NL") for row in rows]
    if style.areas == 2:
        table += [cells((start, minutes, OTHER_AREA), style, tz, "BE") for start, minutes, _ in rows]
    shuffled = random.Random(style.permutation)
    if style.order == "down":
        table.reverse()
    elif style.order == "mixed":
        shuffled.shuffle(table)
    header = list(table[0])
    shuffled.shuffle(header)
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=style.separator, quoting=csv.QUOTE_ALL if style.quoted else csv.QUOTE_NONE, escapechar="\0",
        lineterminator="\n",
    )  # fmt: skip
    writer.writerow(header)
    writer.writerows([row[name] for name in header] for row in table)
    before = {"": "", "sep": f"sep={style.separator}\n", "title": "Day-ahead prices\n\n", "comment": "# made here\n"}
    whole = before[style.preamble] + text.getvalue().replace("\0", "")
    if style.packing == "gz":
        return gzip.compress(whole.encode())
    if style.packing == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("prices.csv", whole)
        return packed.getvalue()
    return whole.encode(style.packing)


def assert_nothing_but(path: Path) -> None:
    assert list(path.parent.iterdir()) == [path]


def imported(place: Path, content: bytes, day: date, zone: str, style: Style) -> tuple[Scenario | None, list[str], str]:
    """Import a file; return the scenario and its notes, or the words of the refusal, which leaves nothing behind."""
    path, folder = place / "prices.csv", place / "made"
    path.write_bytes(content)
    request = ImportRequest(periods=(Period(day, zone),), day_ahead=path, area="NL" if style.areas == 2 else None)
    try:
        scenario, notes = import_scenario(folder, request)
    except InputError as error:
        assert_nothing_but(path)
        return None, [], str(error)
    return scenario, list(notes), ""


def day_ahead(scenario: Scenario) -> list[Row]:
    prices = [p for p in scenario.register.prices if p.series == "day_ahead"]
    return sorted((p.start.astimezone(UTC), p.minutes, p.value) for p in prices)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    style=STYLES, day=st.sampled_from(DAYS), zone=st.sampled_from(ZONES), seed=st.integers(0, 1000),
    minutes=st.tuples(st.sampled_from((60, 30, 15)), st.sampled_from((60, 30, 15))),
)  # fmt: skip
def test_prices_in_any_layout_are_imported_exactly_or_refused(style, day, zone, seed, minutes):
    rows = truth(day, zone, minutes, seed, style.decimals)
    with TemporaryDirectory() as place:
        scenario, _, words = imported(Path(place), written(rows, style, ZoneInfo(zone)), day, zone, style)
    event("read" if scenario else "refused")
    if scenario is None:
        assert not style.sure, words
    else:
        assert day_ahead(scenario) == rows
        assert scenario.description.markets.day_ahead.product_minutes == minutes[1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    style=STYLES, day=st.sampled_from(DAYS), seed=st.integers(0, 1000), row=st.integers(0, 40),
    change=st.sampled_from(("other price", "same again", "lost")),
)  # fmt: skip
def test_rows_that_contradict_each_other_or_are_missing_are_never_covered_up(style, day, seed, row, change):
    """A second price of the same time is refused, the same price again is not; an hour without a price is refused."""
    zone = "Europe/Amsterdam"
    rows = truth(day, zone, (60, 60), seed, style.decimals)
    first = next(n for n, (start, _, _) in enumerate(rows) if start >= Period(day, zone).start)
    at = min(first + row, len(rows) - 1)
    start, minutes, value = rows[at]
    changed = list(rows)
    if change == "lost":
        del changed[at]
    else:
        changed.insert(at, (start, minutes, value + (7 if change == "other price" else 0)))
    with TemporaryDirectory() as place:
        scenario, notes, words = imported(Path(place), written(changed, style, ZoneInfo(zone)), day, zone, style)
    if scenario is None:
        assert not (style.sure and change == "same again"), words
    else:
        assert change == "same again", "lost or contradicting rows were covered up"
        assert any("what others said before" in note for note in notes)
        assert day_ahead(scenario) == rows


@settings(max_examples=150, deadline=None)
@given(
    file=st.sampled_from(sorted(FILES.iterdir())), read=st.sampled_from(KINDS),
    edits=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 30), st.binary(max_size=6)), min_size=1, max_size=5),
)  # fmt: skip
def test_damaged_files_are_read_or_refused_in_words(file, read, edits):
    content = file.read_bytes()
    for at, length, instead in edits:
        place = at % (len(content) + 1)
        content = content[:place] + instead + content[place + length :]
    with TemporaryDirectory() as place:
        path = Path(place) / file.name
        path.write_bytes(content)
        try:
            reading = getattr(downloads, read)(path, ImportOptions(tz=ZoneInfo("Europe/Berlin"), country="DE"))
        except TableError as error:
            event("refused")
            words = str(error)
        else:
            event("read")
            words = f"{file.name} {len(reading.values)}"
    assert file.name in words
