"""Reads a MOSMIX forecast of the DWD: KML of one station, or KMZ, a zip with that KML. Pure.

An element's values stand in one string, one for each TimeStep, `-` where there is none. Units are fixed: TTT in K, FF
in m/s, Rad1h in kJ/m² of the hour before. Source: DWD, definitions of the elements of MOSMIX.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from lxml import etree

from agr.connectors.archives import unpacked
from agr.connectors.ports import Outlook
from agr.connectors.tables.cells import CellError, read_instant, read_number
from agr.connectors.weather.quantities import SUN, TEMPERATURE, WIND, QuantityRead, WeatherQuantity
from agr.domain.errors import FeedError
from agr.domain.xml_document import XmlError, parse_xml

ELEMENTS: Mapping[str, tuple[WeatherQuantity, str]] = {
    "TTT": (TEMPERATURE, "K"), "FF": (WIND, "m/s"), "Rad1h": (SUN, "kJ/m²"),
}  # fmt: skip
"""MOSMIX element → the quantity that it gives, and its unit; other elements are ignored."""
LARGEST_BYTES = 64 << 20
"""Most bytes of the KML file in a KMZ archive: a station's is below 1 MB; a larger one is not unpacked."""


def read_mosmix(feed: str, place: str, content: bytes) -> tuple[Outlook, ...]:
    """Return the outlooks of an answer; values that cannot be read are refused one by one. Raises FeedError."""
    root = _root(feed, unpacked(feed, content, "KMZ", most=1, largest=LARGEST_BYTES)[0])
    issued = _instant(feed, _one(feed, root, "IssueTime"))
    steps = [_text(step) for step in _of(_one(feed, root, "ForecastTimeSteps"), "TimeStep")]
    marks = list(_of(root, "Placemark"))
    if len(marks) != 1:
        raise FeedError(f"feed {feed}: the answer has {len(marks)} stations; ask for the file of one station")
    found: list[Outlook] = []
    for forecast in _of(marks[0], "Forecast"):
        name = next((value for key, value in forecast.attrib.items() if _local(key) == "elementName"), "")
        if str(name) not in ELEMENTS:
            continue
        quantity, unit = ELEMENTS[str(name)]
        values = _text(_one(feed, forecast, "value")).split()
        if len(values) != len(steps):
            raise FeedError(f"feed {feed}: {name!s} has {len(values)} values for {len(steps)} time steps")
        reading = QuantityRead(quantity=quantity, place=place, issued=issued)
        reading.refused += _take(reading, str(name), steps, values, unit)
        found.append(reading.outlook)
    if not found:
        raise FeedError(f"feed {feed}: the answer has none of the elements {', '.join(ELEMENTS)}")
    return tuple(found)


def _root(feed: str, kml: bytes) -> etree._Element:
    try:
        return parse_xml(kml)
    except XmlError as error:
        raise FeedError(f"feed {feed}: the answer is neither KML nor KMZ: it {error}") from error


def _take(reading: QuantityRead, name: str, steps: list[str], values: list[str], unit: str) -> Iterator[str]:
    for step, text in zip(steps, values, strict=True):
        if text == "-":  # not known, which is no fault
            continue
        try:
            reading.take(read_instant(step), read_number(text), unit)
        except CellError as error:
            yield f"{name} at {step[:40]} is {text[:40]}: {error}"


def _instant(feed: str, element: etree._Element) -> datetime:
    try:
        return read_instant(_text(element)).astimezone(UTC)
    except CellError as error:
        raise FeedError(f"feed {feed}: IssueTime {_text(element)[:40]!r} {error}") from error


def _local(name: str | bytes) -> str:
    return etree.QName(name).localname


def _of(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return (one for one in element.iter() if isinstance(one.tag, str) and _local(one.tag) == name)


def _one(feed: str, element: etree._Element, name: str) -> etree._Element:
    found = next(_of(element, name), None)
    if found is None:
        raise FeedError(f"feed {feed}: the answer has no {name}; expected a MOSMIX forecast of one station")
    return found


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()
