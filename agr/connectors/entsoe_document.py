"""Asks ENTSO-E's interface for a document, and reads what all its documents have in common.

Documents of IEC 62325-451: time series of periods of points. Of curves of type A03 a position that is missing repeats
the one before it. An acknowledgement with the reason 999 says that there is no such data (yet).
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from lxml import etree

from agr.connectors.http import get, secret
from agr.connectors.tables.cells import CellError, read_instant, read_number
from agr.domain.errors import FeedError
from agr.domain.isp import Period, parse_duration
from agr.domain.xml_document import XmlError, parse_xml
from agr.forecasting.days import Observed
from agr.settings import EntsoeFeed, EntsoeImbalanceFeed

_NOTHING = "999"
_STEPS = (timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=60))


def asked(
    feed: EntsoeFeed | EntsoeImbalanceFeed, period: Period, authorities: Path | None, **what: str
) -> bytes:  # fmt: skip
    """Return the document about a Period. Raises FeedError."""
    query = {
        "securityToken": secret(feed, feed.token_env, "the token of ENTSO-E's interface"),
        "periodStart": f"{period.start:%Y%m%d%H%M}", "periodEnd": f"{period.end:%Y%m%d%H%M}",
    }  # fmt: skip
    return get(feed, f"{feed.url}?{urlencode(query | what)}", authorities=authorities).content


def time_series(feed: str, content: bytes, kind: str) -> list[etree._Element]:
    """Return the time series of a document of a kind; none where there is no data yet. Raises FeedError."""
    try:
        root = parse_xml(content)
    except XmlError as error:
        raise FeedError(f"feed {feed}: the answer {error}") from error
    if local_name(root) == "Acknowledgement_MarketDocument":
        if text_of(root, "code") == _NOTHING:
            return []
        raise FeedError(f"feed {feed}: ENTSO-E refuses: {text_of(root, 'text')[:300] or 'without a reason'}")
    if local_name(root) != kind:
        raise FeedError(f"feed {feed}: the answer is a {local_name(root)}, expected a {kind}")
    return list(children(root, "TimeSeries"))


def points(
    part: etree._Element, refused: list[str], *, stepped: bool, amount: str = "quantity", category: str = ""
) -> Iterator[Observed]:  # fmt: skip
    """Yield the points of a period, by position; those that cannot be read are refused one by one.

    category: only of points of this category, or of none. Raises ValueError or InputError where it cannot be read.
    """
    start, end = read_instant(text_of(part, "start")), read_instant(text_of(part, "end"))
    step = parse_duration(text_of(part, "resolution"))
    if step not in _STEPS or end <= start:
        raise ValueError(f"it lasts from {start.isoformat()} to {end.isoformat()} in steps of {step}")
    count, known = (end - start) // step, dict[int, float]()
    for point in children(part, "Point"):
        if category and text_of(point, "imbalance_Price.category") not in ("", category):
            continue
        position, value_text = text_of(point, "position"), text_of(point, amount)
        try:
            place = int(position)
            if not 1 <= place <= count or place in known:
                raise ValueError(f"position comes twice or lies outside 1..{count}")
            known[place] = read_number(value_text)
        except (CellError, ValueError) as error:
            refused.append(f"position {position[:20]!r}, {value_text[:40]!r}: {error}")
    value: float | None = None
    for place in range(1, count + 1):
        value = known.get(place, value if stepped else None)
        if value is not None:
            yield Observed(start=start + (place - 1) * step, minutes=step // timedelta(minutes=1), value=value)


def children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Yield the children of a name, whatever their namespace."""
    return (child for child in element if local_name(child) == name)


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace; empty for comments."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def text_of(element: etree._Element, name: str) -> str:
    """Return the text of the first descendant of that name; empty for none."""
    return next(((one.text or "").strip() for one in element.iter() if local_name(one) == name), "")
