"""The history of some days as one HTML file that can be mailed: no scripts, nothing fetched, pictures drawn as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from agr.history.days import PastDay
from agr.history.tables import MONEY, By, Cell, Table, table

_WIDTH, _HEIGHT, _MARGIN = 960.0, 240.0, 24.0
_HEADINGS: dict[By, str] = {
    "day": "By day", "week": "By week", "market": "By market", "point": "By congestion point",
    "contract": "By contract", "dso": "Flexibility sold to DSOs", "order": "Orders of flexibility",
}  # fmt: skip
_WORDS = {
    "paid_eur": "paid", "owner_eur": "costs of owners", "carried_eur": "carried to the next day",
    "customer_eur": "paid by customers",
    "unknown_eur": "payer not kept", "money_eur": "money", "planning_eur": "planning prices (nobody pays)",
    "first_plan_eur": "forecast: first plan", "gap_eur": "gap", "executed_eur": "executed",
    "deviation_eur": "deviations settled",
    "ordered_eur": "ordered", "settled_eur": "settled", "correction_eur": "settled less than ordered (−), or more",
    "expected_eur": "should be settled",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One day in the picture; x, y, width and height in its own units."""

    label: str
    eur: float
    x: float
    y: float
    width: float
    height: float


def report_html(days: Sequence[PastDay], *, title: str, currency: str) -> str:
    """Return the page; amounts are written with cents, and connections are left out: they are personal data."""
    source = files("agr.history").joinpath("report.html").read_text(encoding="utf-8")
    pages = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    tables = [(_HEADINGS[by], _shown(table(by, days))) for by in _HEADINGS]
    bars, zero = _bars(days)
    return pages.from_string(source).render(
        title=title, currency=currency, days=days, tables=[(name, shown) for name, shown in tables if shown.rows],
        bars=bars, zero=zero, width=_WIDTH, height=_HEIGHT, words=_WORDS, cell=_cell,
        money=sum(day.eur(*MONEY) for day in days),
        planning=sum(day.eur("planning") for day in days), broken=sum(len(day.promises.broken) for day in days),
        kept=sum(day.promises.kept for day in days),
    )  # fmt: skip


def _shown(whole: Table) -> Table:
    """Return the table without those columns of payers in which nothing stands."""
    seldom = [whole.columns.index(name) for name in ("customer_eur", "unknown_eur") if name in whole.columns]
    missed = [i for i in seldom if not any(row[i] for row in whole.rows)]
    keep = [i for i in range(len(whole.columns)) if i not in missed]
    return Table(
        by=whole.by, columns=tuple(whole.columns[i] for i in keep),
        rows=tuple(tuple(row[i] for i in keep) for row in whole.rows),
    )  # fmt: skip


def _bars(days: Sequence[PastDay]) -> tuple[list[Bar], float]:
    """Return a bar of money per day, and the height of zero."""
    amounts = [day.eur(*MONEY) for day in days]
    top, bottom = max([0.0, *amounts]), min([0.0, *amounts])
    scale = (_HEIGHT - 2 * _MARGIN) / ((top - bottom) or 1.0)
    zero, step = _MARGIN + top * scale, _WIDTH / max(len(days), 1)
    return [
        Bar(
            label=str(day.period), eur=eur, x=round(i * step + step * 0.1, 2), width=round(step * 0.8, 2),
            y=round(zero - max(eur, 0.0) * scale, 2), height=round(abs(eur) * scale, 2),
        )
        for i, (day, eur) in enumerate(zip(days, amounts, strict=True))
    ], round(zero, 2)  # fmt: skip


def _cell(column: str, value: Cell) -> str:
    """Write a cell for people: euros with cents, unknown values as a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        digits = 2 if column.endswith("_eur") else 3
        return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")
    if value == "":
        return "–" if column == "broken" else "(none)"
    return str(value)
