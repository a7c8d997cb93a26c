"""Checks that tariffs of a connection appear once, and that export never earns more than import costs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time

from agr.connectors.tables.rows import TableRows, shown
from agr.domain.faults import Findings
from agr.domain.register import ConnectionTariff, valid_on

_ROUNDING_EUR_PER_MWH = 1e-9


def check_tariffs(rows: TableRows | None, found: Findings) -> None:
    """Note rows that repeat others word for word, and connections at which exporting earns too much.

    Where export earns more than import costs, it pays to do both at once: the cost is not convex, and no bound holds.
    """
    if rows is None or rows.grid is None:
        return
    seen: dict[object, int] = {}
    of: defaultdict[str, list[tuple[ConnectionTariff, int]]] = defaultdict(list)
    for at, row in zip(rows.at, rows.values, strict=True):
        line = seen.setdefault(row, rows.grid.lines[at])
        if line != rows.grid.lines[at]:
            words = f"the whole row is the same as that in {rows.grid.place} {line}; keep one of them"
            found.faults.append(rows.grid.finding(at, "connection", words))
        of[row.connection].append((row, at))
    for mine in of.values():
        for words in tariff_faults([row for row, _ in mine]):
            last = max(at for _, at in mine)  # a row that is entered by itself comes last, and is the one to correct
            found.faults.append(rows.grid.finding(last, "export_eur_per_mwh", words))


def tariff_faults(rows: Iterable[ConnectionTariff]) -> Iterator[str]:
    """Yield for each connection at which export earns more than import costs when and by how much first."""
    of: defaultdict[str, list[ConnectionTariff]] = defaultdict(list)
    for row in rows:
        of[row.connection].append(row)
    for connection, tariffs in of.items():
        if wrong := next(_too_much(tariffs), None):
            day, clock, imports, exports = wrong
            yield (
                f"at {shown(connection)}, export earns {exports:g} EUR/MWh and import costs {imports:g} on {day} at "
                f"{clock:%H:%M}, all its rows together; export may earn at most what import costs, or it would pay to "
                "do both at once"
            )


def _too_much(tariffs: Sequence[ConnectionTariff]) -> Iterator[tuple[date, time, float, float]]:
    """Yield days and times from which export earns more than import costs, with the sums of both."""
    days = sorted({row.first_day for row in tariffs})
    clocks = sorted({time(0), *(row.window_start for row in tariffs), *(row.window_end for row in tariffs)})
    ends = {row.last_day.toordinal() + 1 for row in tariffs if row.last_day is not None and row.last_day < date.max}
    for day in sorted({*days, *map(date.fromordinal, ends)}):
        for clock in clocks:
            now = [row for row in tariffs if valid_on(row, day) and _inside(row, clock)]
            imports, exports = (sum(getattr(row, f"{way}_eur_per_mwh") for row in now) for way in ("import", "export"))
            if exports > imports + _ROUNDING_EUR_PER_MWH:
                yield day, clock, imports, exports


def _inside(row: ConnectionTariff, clock: time) -> bool:
    start, end = row.window_start, row.window_end
    if end == time(0):
        return clock >= start
    return start <= clock < end if start < end else clock >= start or clock < end
