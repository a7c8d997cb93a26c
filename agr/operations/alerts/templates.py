"""The text of a notice. Pure; templates are written by the operator and run in a sandbox."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from agr.domain.errors import NoticeError
from agr.store.day import Alarm


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What is sent through one channel at once."""

    raised: tuple[Alarm, ...]
    recovered: tuple[Alarm, ...]
    domain: str
    url: str  # of the operators' page

    @property
    def summary(self) -> str:
        """One line."""
        parts = []
        if self.raised:
            first = self.raised[0]
            more = f" and {len(self.raised) - 1} more" if len(self.raised) > 1 else ""
            parts.append(f"{first.kind}: {first.subject}{more}")
        if self.recovered:
            gone = self.recovered[0]
            more = f" and {len(self.recovered) - 1} more" if len(self.recovered) > 1 else ""
            parts.append(f"recovered: {gone.kind}: {gone.subject}{more}")
        return f"AGR {self.domain}: {'; '.join(parts)}"


_SUBJECT = "{{ summary }}"
_TEXT = """\
{% for a in raised[:20] %}
ALARM {{ a.kind }}: {{ a.subject }}
  since {{ a.raised_at }}{% if a.times > 1 %}, {{ a.times }} times{% endif %}

  {{ a.text }}

{% endfor %}
{% if raised|length > 20 %}… and {{ raised|length - 20 }} more alarms

{% endif %}
{% for a in recovered[:20] %}
recovered {{ a.kind }}: {{ a.subject }} ({{ a.raised_at }} to {{ a.recovered_at }})
{% endfor %}
{% if recovered|length > 20 %}… and {{ recovered|length - 20 }} more
{% endif %}

{{ url }}/alarms
"""


def _values(notice: Notice) -> dict[str, Any]:
    return {
        "raised": [_alarm(a) for a in notice.raised], "recovered": [_alarm(a) for a in notice.recovered],
        "domain": notice.domain, "url": notice.url.rstrip("/"), "summary": notice.summary,
    }  # fmt: skip


def _alarm(alarm: Alarm) -> dict[str, Any]:
    values = {name: getattr(alarm, name) for name in Alarm.__dataclass_fields__}
    return {n: v.isoformat(timespec="seconds") if isinstance(v, datetime) else v for n, v in values.items()}


def _render(template: str, notice: Notice) -> str:
    environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    try:
        return environment.from_string(template).render(_values(notice))
    except (TemplateError, TypeError) as error:
        raise NoticeError(f"the template of this channel fails: {error}; correct it under [alarms]") from error


def body(template: str, notice: Notice) -> str:
    """Return a webhook's body: the template's, else JSON with all fields."""
    return _render(template, notice) if template else json.dumps(_values(notice))


def subject(template: str, notice: Notice) -> str:
    """Return an e-mail's subject: one line."""
    return " ".join(_render(template or _SUBJECT, notice).split())[:200]


def text(template: str, notice: Notice) -> str:
    """Return an e-mail's text."""
    return _render(template or _TEXT, notice)
