"""Writes a report: one HTML file that contains data, styles and the chart library. Works offline; fetches nothing."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from agr.scenario.comparison import compare
from agr.scenario.record import Run
from agr.scenario.reports.pictures import payload

_HERE = "agr.scenario.reports"


def _part(package: str, name: str) -> Markup:
    """Return a file of this package; trusted, so not escaped."""
    return Markup(files(package).joinpath(name).read_text(encoding="utf-8"))  # noqa: S704


def report_html(runs: Sequence[Run]) -> str:
    """Return the report of one run, or of several compared with the first."""
    data = payload(runs, compare(runs) if len(runs) > 1 else None)
    # "<" could end the script element; everything else is safe in JSON.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_part(_HERE, "template.html"))
    return template.render(
        title=runs[0].outcome["title"] if len(runs) == 1 else f"{runs[0].outcome['title']}: {len(runs)} runs compared",
        style=_part(_HERE, "page.css"), library=_part("agr", "charts/vendor/echarts.min.js"),
        program=_part("agr", "charts/charts.js") + _part(_HERE, "page.js"),
        data=Markup(text),  # noqa: S704  (escaped above)
    )  # fmt: skip


def write_report(runs: Sequence[Run], path: Path) -> Path:
    """Write the report; return its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report_html(runs), encoding="utf-8")
    return path
