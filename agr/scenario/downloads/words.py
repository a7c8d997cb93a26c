"""What the names of columns say: their words, their unit, and the zone of their times. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from agr.domain.isp import zone

_UNITS = re.compile(r"[kKMG]?Wh|(?<![A-Za-z])[kM]W(?![A-Za-z])|KWH|MWH")
_JOINTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PLACE = re.compile(r"\b(?:Europe|Africa|America|Asia|Atlantic|Australia|Pacific)/[A-Za-z_]+")
_OFFSET = re.compile(r"(?:UTC|GMT)\s*([+\-−])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_BERLIN, _HELSINKI, _LISBON, _LONDON = map(
    ZoneInfo, ("Europe/Berlin", "Europe/Helsinki", "Europe/Lisbon", "Europe/London")
)
_SEASONS = ((("cet", "cest"), _BERLIN), (("mez", "mesz"), _BERLIN), (("eet", "eest"), _HELSINKI),
            (("wet", "west"), _LISBON), (("gmt", "bst"), _LONDON))  # fmt: skip
MARKS = {"CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3, "WET": 0, "WEST": 1, "BST": 1, "UTC": 0,
         "GMT": 0, "Z": 0}  # fmt: skip
"""Abbreviation of a time zone after a time → hours ahead of UTC."""
_CURRENCIES = ("dkk", "nok", "sek", "pln", "gbp", "chf", "huf", "czk", "ron", "bgn", "usd")
_PER_MWH = {"eur_mwh": 1.0, "eur_per_mwh": 1.0, "eur_kwh": 1e3, "eur_per_kwh": 1e3, "ct_kwh": 10.0,
            "cent_kwh": 10.0, "ct_per_kwh": 10.0, "cent_per_kwh": 10.0, "cents_kwh": 10.0,
            "cents_per_kwh": 10.0}  # fmt: skip


def plain(name: str) -> str:
    """Return a name in lower case, with underscores between its words: "UTCStart [€/MWh]" → "utc_start_eur_mwh"."""
    text = name.replace("€", " EUR ").replace("¢", " ct ").replace("ß", "ss")
    text = _UNITS.sub(lambda unit: f" {unit[0].lower()} ", text)
    text = unicodedata.normalize("NFKD", _JOINTS.sub(" ", text))
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


@dataclass(frozen=True, kw_only=True)
class TimeConvention:
    """How times without an offset are meant: in a zone, or, of a column named only CET, perhaps all year at +01:00."""

    zone: tzinfo
    doubt: str = ""  # the word that may mean a zone or a fixed offset

    def instants(self, local: datetime) -> list[datetime]:
        """Return the instants, in UTC, that a local time may mean: none where DST skips it, two where it repeats it.

        Raises ValueError where the column's name leaves two meanings.
        """
        if self.doubt and self._fixed(local) != self._seasonal(local):
            raise ValueError(
                f"'{local:%Y-%m-%d %H:%M}' of a column named {self.doubt} may mean UTC{MARKS[self.doubt]:+d} or the "
                f"time on the clock; rename the column to UTC{MARKS[self.doubt]:+d} or to a zone such as Europe/Berlin"
            )
        return self._seasonal(local)

    def _fixed(self, local: datetime) -> list[datetime]:
        return [(local - timedelta(hours=MARKS[self.doubt])).replace(tzinfo=UTC)]

    def _seasonal(self, local: datetime) -> list[datetime]:
        both = [local.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        there = [i for i in both if i.astimezone(self.zone).replace(tzinfo=None) == local]
        return sorted(set(there))


def clock_of(name: str, market: tzinfo) -> TimeConvention:
    """Return how a column's times without offset are meant: as its name says, else as the market's clock shows."""
    if place := _PLACE.search(name):
        return TimeConvention(zone=zone(place[0]))
    if offset := _OFFSET.search(name):
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return TimeConvention(zone=timezone(ahead if offset[1] == "+" else -ahead))
    words = set(plain(name).split("_"))
    for both, seasonal in _SEASONS:
        if words >= set(both):
            return TimeConvention(zone=seasonal)
    if words & {"utc", "gmt"}:
        return TimeConvention(zone=UTC)
    for (winter, summer), seasonal in _SEASONS:
        if words & {winter, summer}:
            return TimeConvention(zone=seasonal, doubt=(winter if winter in words else summer).upper())
    return TimeConvention(zone=market)


def names_zone(name: str) -> bool:
    """Return whether a column's name says in which zone its times are."""
    nowhere = timezone(timedelta(hours=13, minutes=37))
    return clock_of(name, nowhere).zone is not nowhere


def foreign(name: str) -> bool:
    """Return whether a column's name says that its prices are in another currency than EUR."""
    words = plain(name).split("_")
    return bool(set(words) & set(_CURRENCIES)) and bool(set(words) & {"kwh", "mwh", "price"})


def per_mwh(name: str) -> float | None:
    """Return what makes EUR/MWh of a column's values; None if its name has no such unit."""
    words = plain(name)
    found = [factor for unit, factor in _PER_MWH.items() if re.search(rf"(^|_){unit}(_|$)", words)]
    return found[0] if found else None


def in_unit(name: str, quantity: str) -> float | None:
    """Return what makes kWh ("wh") or kW ("w") of a column's values; None where its name has no unit."""
    factors = {f"k{quantity}": 1.0, f"m{quantity}": 1e3, quantity: 1e-3}
    return next((factors[word] for word in plain(name).split("_") if word in factors), None)
