"""Turns runs into the data of a report's pictures: plain values, rounded for display."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.planning.case import CLASSES
from agr.scenario.comparison import Comparison
from agr.scenario.record import Run
from agr.scenario.rendering import run_warnings
from agr.scenario.table_frames import Frame

Json = dict[str, Any]
LOOKS = dict(
    sorted(
        ({units.shown: units.look for units in CLASSES} | {kind.name: kind.look for kind in KINDS}).items(),
        key=lambda item: item[1].layer,
    )
)
"""How kinds of resources, and units of unknown kind, are drawn, in stacking order from bottom to top."""
SHOWN_POINTS = 60
SHOWN_CHANGES = 400
_POINT_COLUMNS = ("power_kw", "called_kw", "reserved_kw", "import_limit_kw", "export_limit_kw")
_SHADOW = ("import_limit_eur_per_mwh", "export_limit_eur_per_mwh", "reservation_eur_per_mwh")


def payload(runs: Sequence[Run], comparison: Comparison | None) -> Json:
    """Return everything that a report shows about some runs."""
    names = comparison.runs if comparison else tuple(run.name for run in runs)
    return {
        "runs": [_run(run, name) for run, name in zip(runs, names, strict=True)],
        "comparison": comparison.json() if comparison else None,
        "looks": {kind: [look.words, look.light, look.dark] for kind, look in LOOKS.items()},
    }


def _run(run: Run, name: str) -> Json:
    outcome = run.outcome
    tables = {table: _by_step(run.tables[table]) for table in ("programs", "points", "positions", "prices", "changes")}
    shown = _shown_points(run)
    steps = [
        {
            **{k: step[k] for k in ("period", "step", "at", "reason", "objective_eur", "no_flexibility_eur",
               "flexibility_eur", "gap_eur", "termination", "solver", "audit", "terms_eur", "changed_isps")},
            "solver_log": step.get("solver_log", []),  # runs of earlier versions have none
            **_step({t: tables[t].get((step["period"], step["step"]), run.tables[t].iloc[:0]) for t in tables}, shown),
        }
        for step in outcome["steps"]
    ]  # fmt: skip
    return {
        "name": name,
        **{key: outcome[key] for key in ("title", "question", "changes", "periods", "seed", "resources", "totals")},
        "about": {key: outcome[key] for key in ("versions", "inputs_sha256", "solving")},
        "warnings": run_warnings(run),
        "sold": list(outcome.get("sold", ())),
        "losses": list(outcome.get("forecasts", {"days": ()})["days"]),
        "labels": {day: labels(day, outcome["zone"], outcome["isp_minutes"]) for day in outcome["periods"]},
        "points": shown,
        "all_points": int(run.points["congestion_point"].nunique()),
        "steps": steps,
    }


def labels(day: str, zone: str, isp_minutes: int) -> list[str]:
    """Return the labels of a day's ISPs on an axis."""
    period = Period(date.fromisoformat(day), zone, isp_minutes)
    return [period.label(isp) for isp in range(1, period.isp_count + 1)]


def _by_step(frame: Frame) -> dict[tuple[str, str], Frame]:
    groups = frame.groupby(["period", "step"], observed=True, sort=False)
    return {(str(key[0]), str(key[1])): rows for key, rows in groups}


def _shown_points(run: Run) -> list[str]:
    """Return the congestion points to draw: first those where something binds or changes, then the largest."""
    points, changes = run.points, run.changes
    worth = points.assign(worth=points[list(_SHADOW)].sum(axis=1)).groupby("congestion_point", observed=True)
    rank = worth["worth"].max() * 1e6 + worth["power_kw"].apply(lambda kw: float(kw.abs().max()))
    rank = rank.add(changes.groupby("congestion_point", observed=True).size() * 1e3, fill_value=0.0)
    chosen = set(rank.sort_values(ascending=False).index.astype(str)[:SHOWN_POINTS])
    return sorted(chosen)


def _step(tables: dict[str, Frame], shown: Sequence[str]) -> Json:
    programs, positions, prices = tables["programs"], tables["positions"], tables["prices"]
    by_class = {str(kind): rows.groupby("isp") for kind, rows in programs.groupby("class", observed=True)}
    kinds = [kind for kind in LOOKS if kind in by_class]
    energy = {kind: by_class[kind]["energy_kwh"].sum() for kind in kinds}
    return {
        "classes": {kind: _round(by_class[kind]["power_kw"].sum()) for kind in kinds},
        "energy": {kind: _round(kwh) for kind, kwh in energy.items() if kwh.abs().max() > 0},
        "unmanaged": _round(programs.groupby("isp")["unmanaged_kw"].sum().reindex(positions["isp"], fill_value=0.0)),
        "positions": {column: _round(positions[column]) for column in positions.columns if column.endswith("_kw")},
        "prices": {column: _round(prices[column], 2) for column in prices.columns if column.endswith("_mwh")},
        "at": _points(tables["points"], shown),
        "changes": _changes(tables["changes"]),
    }


def _points(points: Frame, shown: Sequence[str]) -> Json:
    found = {}
    # Where nothing is reserved, the called program is arbitrary; drawing it would confuse.
    points = points.assign(called_kw=points["called_kw"].where(points["reserved_kw"] != 0))
    for address, rows in points.groupby("congestion_point", observed=True):
        if address in shown:
            found[str(address)] = {c: _round(rows[c]) for c in _POINT_COLUMNS if rows[c].notna().any()} | {
                "worth": _round(rows[list(_SHADOW)].sum(axis=1), 1), "dso": str(rows["dso"].iloc[0])
            }  # fmt: skip
    return found


def _changes(changes: Frame) -> list[Json]:
    """Return the changed ISPs that earn or cost most."""
    if changes.empty:
        return []
    ranked = changes.assign(size=changes["earned_eur"].abs()).sort_values("size", ascending=False, kind="stable")
    columns = ["isp", "congestion_point", "before_kw", "after_kw", "earned_eur", "because"]
    rows = ranked.head(SHOWN_CHANGES)[columns].astype({"congestion_point": str}).to_dict("records")
    return [{str(k): round(v, 3) if isinstance(v, float) else v for k, v in row.items()} for row in rows]


def _round(values: "pd.Series[float]", digits: int = 3) -> list[float | None]:
    return [None if np.isnan(v) else round(float(v), digits) + 0.0 for v in values.to_numpy(dtype=float)]
