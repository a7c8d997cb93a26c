"""Day-ahead forecasts of load, wind and sun of an area from ENTSO-E's interface; see agr.connectors.ports.Source.

Documents of type A65 (load) and A69 (wind and solar), process A01 (day-ahead): IEC 62325-451-6. Of curves of type A03 a
position that is missing repeats the one before it. Load has to be published two hours before the gate of the day-ahead
market, wind and sun by 18:00, Brussels time: Regulation (EU) 543/2013, articles 6 and 14.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from urllib.parse import urlencode

from lxml import etree

from agr.connectors.http import get, secret
from agr.connectors.ports import Outlook, Series
from agr.connectors.tables.cells import CellError, read_instant, read_number
from agr.domain.errors import FeedError, InputError
from agr.domain.isp import Period, local_instant, parse_duration, zone
from agr.domain.xml_document import XmlError, parse_xml
from agr.forecasting.days import Observed
from agr.forecasting.inputs import entsoe_series
from agr.settings import EntsoeFeed

_BRUSSELS = "Europe/Brussels"
_MOST_MW = 500_000.0
_NOTHING = "999"  # reason of an acknowledgement: there is no such data (yet)
_KINDS = {"B16": "solar_mw", "B18": "wind_offshore_mw", "B19": "wind_onshore_mw"}
"""Type of production → quantity."""


@dataclass(frozen=True, kw_only=True)
class EntsoeSource:
    """What grid operators forecast of an area."""

    feed: EntsoeFeed
    authorities: Path | None = None  # trusted beside the system's

    def fetch(self, period: Period) -> Series:
        """Return the forecasts of a Period, empty where there are none yet. Raises FeedError."""
        load = self._ask(period, documentType="A65", outBiddingZone_Domain=self.feed.area)
        sources = self._ask(period, documentType="A69", in_Domain=self.feed.area)
        outlooks = read_document(self.feed, load, _published(period, 10), "load_mw")
        return Series(outlooks=(*outlooks, *read_document(self.feed, sources, _published(period, 18))))

    def _ask(self, period: Period, **what: str) -> bytes:
        asked = {
            "securityToken": secret(self.feed, self.feed.token_env, "the token of ENTSO-E's interface"),
            "processType": "A01", "periodStart": f"{period.start:%Y%m%d%H%M}", "periodEnd": f"{period.end:%Y%m%d%H%M}",
        }  # fmt: skip
        return get(self.feed, f"{self.feed.url}?{urlencode(asked | what)}", authorities=self.authorities).content


def open_source(feed: EntsoeFeed, authorities: Path | None = None) -> EntsoeSource:
    """Return the source of a feed; sends no request."""
    return EntsoeSource(feed=feed, authorities=authorities)


def read_document(feed: EntsoeFeed, content: bytes, published: datetime, quantity: str = "") -> tuple[Outlook, ...]:
    """Return the outlooks of a document, of the one quantity, or by type of production; empty where there is no data.

    Points that cannot be read are refused one by one. Raises FeedError.
    """
    try:
        root = parse_xml(content)
    except XmlError as error:
        raise FeedError(f"feed {feed.name}: the answer {error}") from error
    if _local(root) == "Acknowledgement_MarketDocument":
        if _text(root, "code") == _NOTHING:
            return ()
        raise FeedError(f"feed {feed.name}: ENTSO-E refuses: {_text(root, 'text')[:300] or 'without a reason'}")
    if _local(root) != "GL_MarketDocument":
        raise FeedError(f"feed {feed.name}: the answer is a {_local(root)}, expected a GL_MarketDocument")
    found: dict[str, tuple[list[Observed], list[str]]] = {}
    for series in (child for child in root if _local(child) == "TimeSeries"):
        name = quantity or _KINDS.get(_text(series, "psrType"), "")
        if not name:
            continue
        rows, refused = found.setdefault(name, ([], []))
        unit = _text(series, "quantity_Measure_Unit.name")
        if unit not in ("", "MAW"):
            refused.append(f"a series is in {unit}; expected MAW")
            continue
        stepped = _text(series, "curveType") == "A03"
        for part in (child for child in series if _local(child) == "Period"):
            try:
                rows += _points(part, refused, stepped=stepped)
            except (ValueError, InputError) as error:
                refused.append(f"a period of {name} cannot be read: {error}")
    return tuple(
        Outlook(series=entsoe_series(name, feed.area), rows=tuple(rows), refused=tuple(refused), published=published,
                low=0.0, high=_MOST_MW)
        for name, (rows, refused) in found.items()
    )  # fmt: skip


def _points(part: etree._Element, refused: list[str], *, stepped: bool) -> Iterator[Observed]:
    start, end = read_instant(_text(part, "start")), read_instant(_text(part, "end"))
    step = parse_duration(_text(part, "resolution"))
    if step not in (timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=60)) or end <= start:
        raise ValueError(f"it lasts from {start.isoformat()} to {end.isoformat()} in steps of {step}")
    count, known = (end - start) // step, dict[int, float]()
    for point in (child for child in part if _local(child) == "Point"):
        position, amount = _text(point, "position"), _text(point, "quantity")
        try:
            place = int(position)
            if not 1 <= place <= count or place in known:
                raise ValueError(f"position comes twice or lies outside 1..{count}")
            known[place] = read_number(amount)
        except (CellError, ValueError) as error:
            refused.append(f"position {position[:20]!r}, {amount[:40]!r}: {error}")
    value: float | None = None
    for place in range(1, count + 1):
        value = known.get(place, value if stepped else None)
        if value is not None:
            yield Observed(start=start + (place - 1) * step, minutes=step // timedelta(minutes=1), value=value)


def _published(period: Period, hour: int) -> datetime:
    return local_instant(period.day - timedelta(days=1), time(hour), zone(_BRUSSELS))


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _text(element: etree._Element, name: str) -> str:
    """Return the text of the first descendant of that name; empty for none."""
    return next(((one.text or "").strip() for one in element.iter() if _local(one) == name), "")
