"""How the page writes numbers, times and states. Pure."""

import zlib
from datetime import datetime, timedelta
from math import isfinite

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from lxml import etree
from markupsafe import Markup

from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.program import in_words, watt
from agr.domain.xml_document import XmlError, parse_xml

STATES = {
    "accepted": "good", "answered": "good", "audited": "good", "delivered": "good", "done": "good",
    "in force": "good", "automatic": "good", "fixed": "good", "awarded": "good",
    "rejected": "bad", "failed": "bad", "missed": "bad", "late": "bad", "cancelled": "bad", "barred": "bad",
    "refused": "bad", "waiting": "busy", "expired": "quiet",
    "not sent": "quiet", "noted": "quiet", "superseded": "quiet", "discarded": "quiet", "replaced": "quiet",
    "to come": "quiet", "before start": "quiet",
    "sent": "busy", "queued": "busy", "asked": "busy", "received": "busy", "preview": "busy", "held back": "busy",
    "due": "busy", "now": "busy",
    "executed": "good", "ready": "good", "on track": "good", "deviated": "bad", "unreachable": "bad",
    "behind": "bad", "left short": "bad", "did not come": "bad", "unmeasured": "quiet", "not measured": "quiet",
    "unplanned": "busy", "unknown": "busy",
    "on hold": "busy", "after approval": "busy", "open": "busy", "still free": "busy",
}  # fmt: skip
"""State → colour class; the word itself is always shown as well."""


def kw(value: float | None, digits: int = 1, sign: bool = False) -> str:
    """Write a power or energy; zero after rounding has no sign; unknown or unbounded values are a dash."""
    if value is None or not isfinite(value):
        return "–"
    shown = round(value, digits) or 0.0
    return (f"{shown:+,.{digits}f}" if sign and shown else f"{shown:,.{digits}f}").replace("-", "−")


def money(value: float | None, sign: bool = False) -> str:
    """Write an amount of money."""
    return kw(value, 2, sign)


def share(value: float | None) -> str:
    """Write a share in percent; a shortfall is never rounded up to 100 %."""
    if value is None:
        return "–"
    return "100 %" if value >= 1 - 1e-9 else f"{min(value * 100, 99.9):.1f} %"


def lasting(span: timedelta) -> str:
    """Write a length of time in its two largest units."""
    seconds = int(abs(span.total_seconds()))
    for size, name, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {name}" + (f" {rest} {small}" if rest else "")
    return f"{seconds} s"


def xml_text(raw: bytes) -> str:
    """Return a stored message, indented for reading."""
    try:
        return etree.tostring(parse_xml(raw, blanks=False), pretty_print=True, encoding="unicode")
    except XmlError:
        return raw.decode("utf-8", "replace")


@pass_context
def act(
    context: Context, to: str, title: str, what: str, *, kind: str = "", required: bool = True, **fields: object
) -> Markup:
    """Return an action's button, which opens a form to confirm the action and give a reason."""
    template = context.environment.get_template("act.html")
    number = zlib.crc32(f"{to} {sorted(fields.items(), key=str)}".encode())
    confirm = title.rstrip("…")
    return Markup(  # noqa: S704 - rendered with autoescape
        template.render(
            context.get_all() | {
                "to": to, "title": title, "what": what, "kind": kind, "required": required, "fields": fields,
                "confirm": confirm, "id": f"{number:08x}",
            }
        )
    )  # fmt: skip


def carry(query: dict[str, str], plan: int | None) -> dict[str, str]:
    """Return a query that goes on looking at a plan, if one was named."""
    return query if plan is None else query | {"plan": str(plan)}


def environment() -> Environment:
    """Return the templates' environment, in which an undefined name is an error."""
    found = Environment(
        loader=PackageLoader("agr.web", "templates"), autoescape=select_autoescape(default=True),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {
        "kw": kw,
        "watt": watt,
        "runs": in_words,
        "money": money,
        "share": share,
        "lasting": lasting,
        "xml": xml_text,
        "carry": carry,
        "number_of": number_of,
        "combine": lambda query, more: query | more,
    }
    found.filters["state"] = lambda word: STATES.get(word, "quiet")
    found.globals |= {"local": local, "act": act}
    return found


def local(period: Period, at: datetime | None, form: str = "%a %H:%M") -> str:
    """Write an instant in the market's local time."""
    return "" if at is None else at.astimezone(period.tz).strftime(form)
