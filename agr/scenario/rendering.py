"""Turns scenarios, runs and comparisons into rich tables for the terminal. Prints nothing."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agr.domain.faults import number_of
from agr.domain.kinds import KINDS
from agr.scenario.comparison import Comparison
from agr.scenario.description import Event, Release
from agr.scenario.listing import days
from agr.scenario.record import Json, Run
from agr.scenario.scenario import Scenario
from agr.scenario.table_frames import Frame

_NOTHING = 0.005
_PEAK = "peak charge"
_SHOWN = 0.0005  # rounds to 0.001, the smallest amount that is shown


def scenario_overview(scenario: Scenario, folder: Path) -> Iterator[RenderableType]:
    """Yield a scenario's question and contents."""
    described = scenario.description
    yield Text(described.title, style="bold")
    yield Text(described.question)
    table = Table(show_header=False, box=None)
    isps = ", ".join(sorted({str(p.isp_count) for p in described.periods()}))
    rows = {
        "folder": str(folder),
        "days": f"{days(described)} ({described.zone}, {isps} ISPs)",
        "congestion points": f"{len(scenario.points)} of {len({p.dso for p in scenario.points})} DSOs",
        "changes": "; ".join(described.changes) or "none",
        "connections": f"{len(scenario.register.connections):,}",
        **{kind.table.replace("_", " "): f"{len(scenario.register.of(kind.row)):,}" for kind in KINDS},
        "contracts": ", ".join(
            f"{c.contract} ({c.power_w / 1000:+g} kW)" for c in scenario.register.contracts
        ) or "none",
        "limits": str(len(scenario.register.limits) + len(scenario.register.connection_limits)),
        "tariffs": f"{len({row.connection for row in scenario.register.connection_tariffs}):,} connections",
        "capacity products": ", ".join(f"{p.name} (≤ {p.max_mw:g} MW)" for p in described.markets.capacity) or "none",
        "price series": ", ".join(sorted({p.series for p in scenario.register.prices})) or "none",
        "events": "; ".join(_event(event) for event in described.events) or "none",
    }  # fmt: skip
    for name, value in rows.items():
        table.add_row(name, Text(value))
    yield table
    for warning in scenario.warnings:
        yield Text(f"warning: {warning}", style="yellow")


def _event(event: Event) -> str:
    when = event.at.isoformat(timespec="minutes")
    if isinstance(event, Release):
        return f"{when} {event.contract} keeps {event.keep_share:.0%}"
    return f"{when} {event.power_mw:+g} MW requested at {event.congestion_point}"


def run_tables(run: Run) -> Iterator[RenderableType]:
    """Yield a run's plans, its value by market, and its warnings."""
    yield _plans(run)
    reasons = {str(s["step"]): str(s["reason"]).partition(": ")[2] for s in run.steps}
    for step, about in reasons.items():
        if about:
            yield Text(f"{step}: {about}")
    yield ""
    value = Table(title="Value by market, EUR (earned positive)", title_justify="left", min_width=40)
    value.add_column("term")
    value.add_column("last plans", justify="right")
    totals = run.outcome["totals"]
    for term, amount in totals["terms_eur"].items():
        if abs(amount) >= _NOTHING or term == _PEAK:  # that no peak is exceeded is news
            value.add_row(term, f"{round(amount, 2) + 0.0:z,.2f}")
    value.add_section()
    value.add_row("total", f"{totals['objective_eur']:z,.2f}")
    value.add_row("no flexibility", f"{totals['no_flexibility_eur']:z,.2f}")
    value.add_row("value of flexibility", f"{totals['flexibility_eur']:z,.2f}")
    yield value
    sold = run.outcome.get("sold")
    if sold:
        yield _sold(sold)
        yield from (Text(f"{one['congestion_point']}: {one['note']}") for one in sold if one["note"])
    rolled = run.outcome.get("rolling")
    if rolled is not None:
        again = f"planned again {number_of(rolled['plans'], 'time')} while the days ran, which saved"
        yield Text(f"{again} {rolled['saved_eur']:z,.2f} EUR; else: {rolled['not_planned_again_eur']:z,.2f} EUR")
    told = run.outcome.get("forecasts")
    if told is not None:
        yield _losses(told["days"])
        yield Text(f"made with {number_of(len(told['series']), 'forecast')} of our own; errors are in outcome.json")
    reaction = run.outcome.get("reaction")
    if reaction is not None:
        worst = f"{number_of(len(reaction['worst']), 'worst day')} ({', '.join(reaction['worst'][:3])})"
        yield Text(
            f"reacting to imbalance prices has earned {reaction['gain_eur']:z,.2f} EUR in "
            f"{number_of(len(reaction['days']), 'day')}; {worst}: {reaction['worst_eur']:+z,.2f} EUR a day"
        )
    for line in run_warnings(run):
        yield Text(line, style="yellow")


SOURCES = {
    "price_error_eur": "prices", "load_session_error_eur": "loads, sessions", "gates_eur": "gates", "gap_eur": "gap"
}  # fmt: skip
"""Source of loss → its heading in tables."""


def _losses(days: Sequence[Json]) -> Table:
    """Return what each day earned with what came, and what foresight earns more, by source."""
    table = Table(
        title="With what came, EUR: earned, and what perfect foresight has more", title_justify="left",
        box=SIMPLE_HEAD, padding=0,
    )  # fmt: skip
    table.add_column("Period", no_wrap=True)
    for name in ("earned", "foresight", *SOURCES.values()):
        table.add_column(name, justify="right")
    for one in days:
        keys = ("earned_eur", "foresight_eur", *SOURCES)
        table.add_row(one["period"], *("–" if one[key] is None else f"{one[key]:z,.2f}" for key in keys))
    return table


def _sold(sold: Sequence[Json]) -> Table:
    """Return what DSOs requested, were offered and ordered; MWh in the requested windows."""
    table = Table(title="Flexibility for DSOs", title_justify="left", box=SIMPLE_HEAD, padding=0)
    table.add_column("congestion point", overflow="fold")
    for name in ("asked MWh", "offered", "for EUR", "ordered", "for EUR"):
        table.add_column(name, justify="right")
    for one in sold:
        price = "–" if one["offered_eur"] is None else f"{one['offered_eur']:z,.2f}"
        table.add_row(
            Text(one["congestion_point"]), f"{one['asked_mwh']:z,.3f}", f"{one['offered_mwh']:z,.3f}", price,
            f"{one['ordered_mwh']:z,.3f}", f"{one['ordered_eur']:z,.2f}",
        )  # fmt: skip
    return table


def _plans(run: Run) -> Table:
    """Return one row per plan, within 80 characters; the Period is a column only if there are several."""
    several = len(run.outcome["periods"]) > 1
    title = run.name if several else f"{run.name}: plans of {run.outcome['periods'][0]}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for name in ("Period", "plan") if several else ("plan",):
        table.add_column(name, no_wrap=name == "Period", min_width=12)
    for name in ("value EUR", "flexibility", "gap", "ISPs changed"):
        table.add_column(name, justify="right", no_wrap=name != "ISPs changed")
    for name in ("ended", "audit"):
        table.add_column(name, no_wrap=True)
    for step in run.steps:
        gap = "–" if step["gap_eur"] is None else f"{step['gap_eur']:z,.2f}"
        table.add_row(
            *([step["period"]] if several else []), Text(step["step"]), f"{step['objective_eur']:z,.2f}",
            f"{step['flexibility_eur']:z,.2f}", gap, str(step["changed_isps"]),
            step["termination"], number_of(len(step["audit"]), "fault") if step["audit"] else "passed",
        )  # fmt: skip
    return table


def cash_faults(run: Run) -> list[str]:
    """Return what the cash audit found; runs of earlier versions have none."""
    return list(run.outcome.get("cash", {}).get("findings", ()))


def run_warnings(run: Run) -> list[str]:
    """Return the warnings about a run."""
    found = list(run.outcome.get("doubts", ()))  # about the tables; runs of earlier versions have none
    for step in run.steps:
        where = f"{step['period']} {step['step']}"
        if step["ended_by_time_limit"]:
            found.append(
                f"{where}: a time limit ended the search or a part of it ({step['termination']}); "
                "the figures depend on the machine's speed. "
                "Raise planning.time_limit_s or planning.relative_gap"
            )
        elif step["termination"] == "gap open":
            found.append(f"{where}: the search proves no more; up to {step['gap_eur']:z,.2f} EUR more may be possible")
        found += [f"{where}: audit: {fault}" for fault in step["audit"]]
    for one in run.outcome.get("forecasts", {"days": ()})["days"]:
        found += [f"{one['period']} {finding}" for finding in one["findings"]]
    found += [f"cash audit: {fault}" for fault in cash_faults(run)]
    short = {"imbalance_mwh": "MWh imbalance", "reservation_shortfall_kwh": "kWh of reservations not deliverable",
             "comfort_shortfall_kwh": "kWh of comfort missing", "limit_breach_kwh": "kWh beyond limits",
             "reserve_shortfall_mwh": "MWh of awarded capacity not held"}  # fmt: skip
    for step in run.last:
        found += [f"{step['period']}: {step[key]:z,.3f} {words}" for key, words in short.items() if step[key] >= _SHOWN]
        found += [f"{step['period']}: {note}" for note in step["notes"]]
    return found


def comparison_tables(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield value by market, positions, peaks and differing ISPs; a letter stands for each run."""
    letters = _letters(comparison.runs)
    for run, letter in letters.items():
        yield Text(f"{letter}  {run}")
    yield ""
    yield _side_by_side("Value by market, EUR (earned positive)", comparison.value, comparison.runs)
    yield _side_by_side("Positions", comparison.positions, comparison.runs)
    peaks = comparison.peaks.copy()
    peaks.index = [f"{point} {peak}" for point, peak in peaks.index]
    differs = (peaks.sub(peaks.iloc[:, 0], axis=0).abs() > _NOTHING).any(axis=1)
    if differs.any():
        yield _side_by_side("Peaks that differ, kW", peaks[differs], comparison.runs)
    else:
        yield "Peaks that differ: none"
    if comparison.changed.empty:
        yield "ISPs that differ from A: none"
    else:
        yield _changed(comparison, letters)
    for warning in comparison.warnings:
        yield Text(f"warning: {warning}", style="yellow")


def _changed(comparison: Comparison, letters: Mapping[str, str]) -> Table:
    table = Table(title="ISPs that differ from A", title_justify="left", box=SIMPLE_HEAD, padding=0)
    for title in ("run", "congestion point", "ISPs", "largest kW", "moved kWh"):
        table.add_column(title, justify="left" if title in ("run", "congestion point") else "right", overflow="fold")
    for row in comparison.changed.to_dict("records"):
        table.add_row(
            letters[row["run"]], row["congestion_point"], str(row["isps"]), f"{row['largest_kw']:z,.1f}",
            f"{row['moved_kwh']:z,.1f}",
        )  # fmt: skip
    return table


def _letters(runs: Sequence[str]) -> dict[str, str]:
    """Return a short word for each run: A, B, …, Z, A1, B1, …"""
    return {run: f"{ascii_uppercase[i % 26]}{i // 26 or ''}" for i, run in enumerate(runs)}


def _side_by_side(title: str, frame: Frame, runs: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, min_width=len(title) + 1)
    table.add_column("", overflow="fold")
    for place, letter in enumerate(_letters(runs).values()):
        table.add_column(letter, justify="right", no_wrap=True)
        if place:
            table.add_column(f"{letter} − A", justify="right", no_wrap=True)
    for name, row in frame.iterrows():
        values = row.tolist()
        cells = [f"{values[0]:z,.2f}"]
        for value in values[1:]:
            cells += [f"{value:z,.2f}", f"{value - values[0]:+z,.2f}"]
        table.add_row(Text(str(name)), *cells)
    return table


def frame_table(title: str, frame: Frame) -> Table:
    """Return a data frame as a table, amounts with two decimals; missing values stay empty.

    Where the title says EUR, the columns do not repeat it.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    for column in frame.columns:
        name = str(column).removesuffix("_eur") if "EUR" in title else str(column)
        numeric = frame[column].dtype.kind in "fi"
        table.add_column(
            name.replace("_", " "), justify="right" if numeric else "left", overflow="fold", no_wrap=column == "period"
        )
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(cell) for cell in row))
    return table


def _cell(value: object) -> Text:
    if value is None or value != value:  # NaN differs from itself
        return Text("")
    return Text(f"{value:z,.2f}" if isinstance(value, float) else str(value))
