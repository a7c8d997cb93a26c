"""The result of a run: tidy tables and outcome.json, in memory or in a folder that can be opened again."""

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from agr.domain.errors import InputError
from agr.domain.faults import meant, number_of, unreadable
from agr.planning import serialisation
from agr.planning.case import comfort_shortfall_kwh
from agr.planning.promises import breach_kwh
from agr.scenario.day import Step
from agr.scenario.table_frames import Frame, TableContext, joined
from agr.scenario.tidy_tables import TABLES
from agr.store.scratch import scratch_folder
from models.outcome import Outcome, Termination
from models.solver_log import hurried, without_times

OUTCOME = "outcome.json"
LOG = "log.json"
_PACKAGES = ("agr-optimizer", "pyomo", "highspy", "numpy", "scipy", "pandas", "pyarrow")
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Run:
    """The result of a run. Tables by name: programs, points, positions, prices, bids, reservations, shortfalls, …"""

    name: str
    outcome: Json  # contents of outcome.json: same inputs on the same machine give the same bits
    tables: Mapping[str, Frame]
    log: Json = field(default_factory=dict)  # seconds and solver logs, which differ every time

    def __getattr__(self, name: str) -> Frame:
        """Return a table as an attribute: run.programs."""
        tables = self.__dict__.get("tables", {})
        if name not in tables:
            raise AttributeError(f"{name!r} is not a table of a run; {meant(name, list(tables))}")
        frame: Frame = tables[name]
        return frame

    def __repr__(self) -> str:
        """Return a summary in one line."""
        periods, sums = self.outcome["periods"], self.outcome["totals"]
        days = periods[0] if len(periods) == 1 else f"{periods[0]}..{periods[-1]}"
        return (
            f"Run {self.name}: {days}, {number_of(self.outcome['resources'], 'resource')}, "
            f"{number_of(len(self.steps), 'plan')}, {sums['objective_eur']:z,.2f} EUR, "
            f"flexibility {sums['flexibility_eur']:z,.2f} EUR; tables {', '.join(self.tables)}"
        )

    def _repr_html_(self) -> str:
        """Return the plans as notebooks show them."""
        return f"<p>{escape(repr(self))}</p>{self.summary.to_html(float_format='{:z,.2f}'.format)}"

    def __dir__(self) -> list[str]:
        """Let notebooks complete the names of tables."""
        return [*super().__dir__(), *self.tables]

    @property
    def steps(self) -> list[Json]:
        """The figures of every plan, in order."""
        steps: list[Json] = self.outcome["steps"]
        return steps

    @property
    def last(self) -> list[Json]:
        """The plan in force at the end of every Period; the last one made, where none came into force."""
        return last_in_force(self.steps)

    @property
    def summary(self) -> Frame:
        """The figures of every plan as a table, indexed by the moment at which it is made."""
        columns = ("period", "step", "reason", "objective_eur", "flexibility_eur", "no_flexibility_eur", "gap_eur",
                   "changed_isps", "termination")  # fmt: skip
        index = pd.DatetimeIndex([pd.Timestamp(step["at"]) for step in self.steps], name="at")
        rows = [{name: step[name] for name in columns} for step in self.steps]
        return pd.DataFrame(rows, index=index.tz_convert(self.outcome["zone"]))

    @property
    def value_eur(self) -> float:
        """The objective of the last plans, over all Periods."""
        return float(self.outcome["totals"]["objective_eur"])

    def final(self, table: str) -> Frame:
        """Return a table's rows of the plan in force at the end of every Period."""
        frame = self.tables[table]
        wanted = {(step["period"], step["step"]) for step in self.last}
        keep = [pair in wanted for pair in zip(frame["period"], frame["step"], strict=True)]
        return frame[np.array(keep, dtype=bool)]

    def save(self, folder: Path) -> Path:
        """Write the run to a folder, atomically, over an earlier run. Raises InputError for other contents."""
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()) and not (folder / OUTCOME).is_file():
            raise InputError(f"{folder} holds something other than a run; choose another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder("run", folder.parent) as made:
            new = made / "run"
            new.mkdir()
            for name, frame in self.tables.items():
                pa.parquet.write_table(pa.Table.from_pandas(frame), new / f"{name}.parquet", compression="zstd")
            (new / OUTCOME).write_text(_text(self.outcome), encoding="utf-8")
            (new / LOG).write_text(_text(self.log), encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            new.replace(folder)
        return folder


_LATER = ("connection_limits", "connection_tariffs", "customers", "balancing_groups")
"""Tables that runs recorded by earlier versions do not have."""


def _text(value: Json) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def open_run(folder: Path) -> Run:
    """Read a saved run. Raises InputError when the folder does not hold one."""
    folder = Path(folder)
    try:
        text = (folder / OUTCOME).read_text(encoding="utf-8")
        outcome = json.loads(text, parse_constant=lambda _: None)  # earlier versions wrote Infinity
        log = json.loads((folder / LOG).read_text(encoding="utf-8"))
        there = [name for name in TABLES if name not in _LATER or (folder / f"{name}.parquet").exists()]
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in there}
    except (OSError, ValueError, pa.ArrowException) as error:
        why = f"{error.filename} {unreadable(error)}" if isinstance(error, OSError) and error.filename else error
        raise InputError(
            f"{folder} is not a readable run: {why}; make one with `agr scenario run NAME --out {folder}`"
        ) from error
    return Run(name=outcome["name"], outcome=outcome, tables=tables, log=log)


def timeless(outcome: Outcome) -> Outcome:
    """Return the outcome without its seconds and solver log, which differ whenever the same case is solved again."""
    return replace(outcome, seconds={}, log=())


def ended_by_time_limit(outcome: Outcome) -> bool:
    """Return whether a time limit ended (part of) the solve; only then do figures depend on the machine's speed."""
    return outcome.termination in (Termination.TIME_LIMIT, Termination.NO_PROGRAM) or hurried(outcome.log)


def figures(step: Step) -> Json:
    """Return the figures of a plan; none depends on the machine's speed unless a time limit ended the solve."""
    outcome, hours = step.solved.outcome, step.solved.named.case.isp_hours
    programs = outcome.programs
    proven = isfinite(outcome.gap_eur)  # a search may run out of time before it proves any bound
    relative = outcome.gap_eur / outcome.gross_cost_eur if outcome.gross_cost_eur else 0.0
    return {
        "period": str(step.period), "step": step.name, "at": step.at.astimezone(step.period.tz).isoformat(),
        "reason": step.why, "state": step.state.value, "part": step.part, "objective_eur": outcome.objective_eur,
        "bound_eur": outcome.bound_eur if proven else None, "gap_eur": outcome.gap_eur if proven else None,
        "relative_gap": relative if proven else None, "gross_cost_eur": outcome.gross_cost_eur,
        "no_flexibility_eur": step.no_flexibility_eur,
        "flexibility_eur": outcome.objective_eur - step.no_flexibility_eur,
        "terms_eur": dict(sorted(outcome.terms_eur.items())),
        "imbalance_mwh": float((outcome.short_kw + outcome.long_kw).sum()) * hours / 1000,
        "reservation_shortfall_kwh": float(outcome.reservation_shortfall_kw.sum()) * hours,
        "comfort_shortfall_kwh": comfort_shortfall_kwh(step.solved.named.case, programs),
        "limit_breach_kwh": float(breach_kwh(step.solved.named.case, outcome).sum()),
        "reserve_shortfall_mwh": float(outcome.reserve_shortfall_mw.sum()) * hours,
        "changed_points": len(step.change.points) if step.change else 0,
        "changed_isps": sum(len(p.isps) for p in step.change.points) if step.change else 0,
        "termination": outcome.termination.value,
        "ended_by_time_limit": ended_by_time_limit(outcome),
        "solver": outcome.solver, "audit": list(step.findings), "notes": list(step.notes),
        "promised": [asdict(one) for one in step.promised],
        "case_digest": serialisation.digest(step.solved.named),
        "outcome_digest": serialisation.digest(timeless(outcome)),
        "solver_log": list(without_times(outcome.log)),
    }  # fmt: skip


def last_in_force(steps: Sequence[Json]) -> list[Json]:
    """Return the last plan in force of every Period, else the last one made; runs of older versions have no state."""
    found: dict[str, Json] = {}
    for step in steps:
        if step.get("state", "audited") == "audited" or found.get(step["period"], {}).get("state") != "audited":
            found[step["period"]] = step
    return list(found.values())


def totals(steps: Sequence[Json]) -> Json:
    """Return the sums over the plans in force at the end of every Period."""
    last = last_in_force(steps)
    gaps = [step["gap_eur"] for step in last]
    names = ("objective_eur", "no_flexibility_eur", "flexibility_eur", "imbalance_mwh",
             "reservation_shortfall_kwh", "comfort_shortfall_kwh", "limit_breach_kwh",
             "reserve_shortfall_mwh")  # fmt: skip
    terms = sorted({term for step in last for term in step["terms_eur"]})
    return {name: sum(step[name] for step in last) for name in names} | {
        "gap_eur": None if None in gaps else sum(gaps),
        "terms_eur": {term: sum(step["terms_eur"].get(term, 0.0) for step in last) for term in terms},
    }


def versions() -> dict[str, str]:
    """Return the versions of the software that computed the outcome."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def record(name: str, steps: Sequence[Step], known: TableContext, head: Json, log: Json) -> Run:
    """Return the run with the plans made; `head` holds the facts at the start of its outcome."""
    plans = [figures(step) for step in steps]
    seconds = {f"{s.period} {s.name}": s.solved.outcome.seconds for s in steps}
    logs = {f"{s.period} {s.name}": list(s.solved.outcome.log) for s in steps}
    return Run(
        name=name,
        outcome={"name": name, **head, "versions": versions(), "steps": plans, "totals": totals(plans)},
        tables={table: joined([make(step, known) for step in steps]) for table, make in TABLES.items()},
        log={**log, "seconds": seconds, "solver_log": logs},
    )
