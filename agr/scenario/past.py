"""What happened before a scenario's first day: forecasts of our own are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agr.connectors.actuals import ActualRow, read_actuals
from agr.connectors.session_table import SessionRow, read_sessions
from agr.domain.errors import TableError
from agr.forecasting import DayForecast
from agr.scenario.description import OwnForecasts


@dataclass(frozen=True, kw_only=True, eq=False)
class PastData:
    """Series and charging sessions, as `agr forecast import` and `agr forecast sessions` read them."""

    series: Mapping[str, tuple[ActualRow, ...]] = field(default_factory=dict)
    sessions: Mapping[str, tuple[SessionRow, ...]] = field(default_factory=dict)  # by group
    made: dict[str, DayForecast] = field(default_factory=dict)
    """Forecasts by the data that they were made from, so that a day played again need not learn again."""


def read_past(folder: Path, own: OwnForecasts) -> PastData:
    """Read the tables of the past. Raises TableError naming every row that cannot be read."""
    faults: list[str] = []
    series: dict[str, list[ActualRow]] = {}
    groups: dict[str, list[SessionRow]] = {}
    given = [(name, read_actuals) for name in own.history]
    for name, read in (*given, *([(own.sessions, read_sessions)] if own.sessions else ())):
        if not (folder / name).is_file():
            faults.append(f"{name}: is not there; expected a table of what happened before the first day")
            continue
        try:
            rows = read(folder / name)
        except TableError as error:
            faults += error.faults
            continue
        for row in rows:
            if isinstance(row, ActualRow):
                series.setdefault(row.series, []).append(row)
            else:
                groups.setdefault(row.group, []).append(row)
    if faults:
        raise TableError(faults)
    return PastData(
        series={name: tuple(rows) for name, rows in series.items()},
        sessions={name: tuple(rows) for name, rows in groups.items()},
    )  # fmt: skip
