"""The frame of every page, and the data of its charts."""

import json
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from agr.domain.isp import Period
from agr.operations.accounts.roles import Permission, Principal
from agr.store import day, overrides
from agr.web.security import COOKIE, context_of, sight_of


def render(
    request: Request, principal: Principal | None, template: str, /, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page in the frame that all pages share."""
    context, templates = context_of(request), request.app.state.templates
    assert isinstance(templates, Environment)
    now = context.clock.now()
    frame: dict[str, Any] = {
        "principal": principal,
        "permission": Permission,
        "now": now,
        "zone": context.today(),
        "path": request.url.path,
        "narrow": False,
    }
    frame["four_eyes"] = bool(context.settings.operators.four_eyes)
    frame |= {"currency": context.settings.currency, "domain": context.settings.domain, "held": None, "alarm_count": 0}
    if principal is not None:
        with context.store.transaction() as tx:
            frame["held"] = overrides.held(tx)
            opened = day.open_alarms(tx)
        narrow = not context.sights.sees_everything(principal)
        sight = sight_of(request, principal)
        frame["narrow"] = narrow
        frame["alarm_count"] = sum(a.acknowledged_at is None and sight.about(a.subject) for a in opened)
        frame["running"] = None if narrow else context.progress.latest()
        # Shown once, on the next page that is opened; live updates of an open page must not consume it.
        live = "x-live" in request.headers
        frame["flash"] = None if live else context.flashes.take(request.cookies.get(COOKIE, ""))
    text = templates.get_template(template).render(frame | values)
    return HTMLResponse(text, status_code=status)


def chart(**values: Any) -> str:
    """Return a chart's data as JSON that is safe inside a script element."""
    return json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")


def starts_of(period: Period) -> list[int]:
    """Return the start of each ISP, in seconds since 1970."""
    return [int(start.timestamp()) for start in period.starts()]
