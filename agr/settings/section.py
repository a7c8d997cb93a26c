"""What all sections of the configuration share: strictness, titles, and recurring kinds of values."""

import re
from collections.abc import Iterable
from datetime import time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from agr.domain.isp import Gate

_UNITS = ("eur_per_kwh", "eur_per_mwh", "kw", "mw", "w", "s", "minutes", "hours", "days")
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


def title_of(name: str, _: object = None) -> str:
    """Return a field's title: its name in words, with the unit in brackets."""
    for unit in _UNITS:
        if name.endswith("_" + unit):
            return f"{name.removesuffix('_' + unit).replace('_', ' ').capitalize()} ({unit.replace('_', ' ')})"
    return name.replace("_", " ").capitalize()


class Section(BaseModel):
    """A part of the configuration: frozen, without unknown keys, without NaN or infinity.

    Its validator is built on first use: most sections are only read as parts of the whole, which has one of its own.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, field_title_generator=title_of, defer_build=True
    )


def check_names(what: str, names: Iterable[str]) -> None:
    """Raise ValueError, naming them, where several of `what` have one name."""
    found = list(names)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise ValueError(f"several {what} are called {', '.join(twice)}; give each its own name")


def _clock_time(value: object) -> object:
    if isinstance(value, time) or (isinstance(value, str) and _CLOCK_TIME.fullmatch(value)):
        return value
    raise ValueError('expected a local clock time "HH:MM" or "HH:MM:SS"')


def is_domain(text: str) -> bool:
    """Return whether the text is an internet domain in lower case."""
    return len(text) <= 255 and _DOMAIN.fullmatch(text) is not None


def _domain(value: str) -> str:
    if not is_domain(value):
        raise ValueError('expected an internet domain in lower case, e.g. "agr.example.com"')
    return value


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+\S*", value):
        raise ValueError('expected a web address that starts with "https://" or "http://"')
    if "@" in re.split("[/?#]", value.partition("://")[2], maxsplit=1)[0]:
        raise ValueError("a user or password in a web address reaches logs; leave it out, and give it in a header")
    return value


def _mail_address(value: str) -> str:
    from email.message import EmailMessage  # slow to import, and most commands see no address

    try:
        message = EmailMessage()
        message["To"] = value
        found = message["To"]
        good = len(found.addresses) == 1 and found.addresses[0].username and found.addresses[0].domain
    except (ValueError, IndexError):
        good = False
    if not good or found.defects:
        raise ValueError('expected one mail address, e.g. "agr@example.com" or "AGR <agr@example.com>"')
    return value


def _variable_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("expected the NAME of an environment variable; the secret itself never belongs in this file")
    return value


ClockTime = Annotated[time, BeforeValidator(_clock_time)]
Domain = Annotated[str, AfterValidator(_domain)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Seconds = Annotated[float, Field(gt=0)]
MailAddress = Annotated[str, Field(max_length=255), AfterValidator(_mail_address)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
VariableName = Annotated[str, AfterValidator(_variable_name)]


class MarketTime(Section):
    """A time of the market day, local market time, written `{ at = "06:30", days_before = 1 }`."""

    at: ClockTime = Field(description="Local market time, HH:MM or HH:MM:SS.")
    days_before: int = Field(default=1, ge=-7, le=7, description="Days before the Period; 0 is the Period's own day.")

    @property
    def order(self) -> tuple[int, time]:
        """Key by which these times are ordered: earlier ones are smaller."""
        return (-self.days_before, self.at)

    def seconds_until(self, later: "MarketTime") -> float:
        """Return the seconds of wall-clock time from this one to another one of the same Period."""
        days = timedelta(days=self.days_before - later.days_before)
        return (days + _since_0h(later.at) - _since_0h(self.at)).total_seconds()

    def gate(self, name: str) -> Gate:
        """Return it as a named gate."""
        return Gate(name, self.at, self.days_before)


def _since_0h(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
