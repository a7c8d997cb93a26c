"""Compares runs: value by market, positions, peaks per congestion point, and differing ISPs; as tables and JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pandas as pd

from agr.domain.errors import InputError
from agr.scenario.record import Run
from agr.scenario.table_frames import Frame

_POSITIONS = {
    "day-ahead net": ("day_ahead_kw", None), "intraday bought": ("intraday_buy_kw", None),
    "intraday sold": ("intraday_sell_kw", None), "imbalance": ("short_kw", "long_kw"),
    "consumed net": ("total_kw", None),
}  # fmt: skip
_SAME_KW = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Runs side by side, one column per run; all are compared with the first."""

    runs: tuple[str, ...]
    value: Frame  # EUR by term, earned positive; rows total, no flexibility, value of flexibility at the end
    positions: Frame  # MWh by market, and MW·h of balancing capacity by product
    peaks: Frame  # highest and lowest power per congestion point, kW
    changed: Frame  # per run and congestion point: how many ISPs differ from the first run, and by how much
    warnings: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Return the value by market as notebooks show it."""
        return self.value.to_html(float_format="{:z,.2f}".format)

    def json(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "runs": list(self.runs),
            "value_eur": {run: self.value[run].to_dict() for run in self.runs},
            "positions": {run: self.positions[run].to_dict() for run in self.runs},
            "peaks_kw": self.peaks.reset_index().to_dict("records"),
            "changed": self.changed.to_dict("records"),
            "warnings": list(self.warnings),
        }  # fmt: skip


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare two or more runs with the first. Raises InputError when there are fewer."""
    if len(runs) < 2:
        raise InputError("a comparison needs at least two runs")
    named = dict(zip(_names(runs), runs, strict=True))
    return Comparison(
        runs=tuple(named),
        value=_value(named),
        positions=pd.DataFrame({name: _position(run) for name, run in named.items()}).fillna(0.0),
        peaks=pd.DataFrame({name: _peaks(run) for name, run in named.items()}),
        changed=_changed(named),
        warnings=tuple(_warnings(named)),
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """Return a name for every run; equal names are numbered."""
    found: list[str] = []
    for run in runs:
        free = (f"{run.name} ({n})" if n > 1 else run.name for n in count(1))
        found.append(next(name for name in free if name not in found))
    return found


def _value(named: dict[str, Run]) -> Frame:
    columns = {}
    for name, run in named.items():
        totals = run.outcome["totals"]
        columns[name] = pd.Series(totals["terms_eur"], dtype=float)
    value = pd.DataFrame(columns).fillna(0.0)
    value = value[(value.abs() >= 0.005).any(axis=1)]
    for row, key in (
        ("total", "objective_eur"),
        ("no flexibility", "no_flexibility_eur"),
        ("flexibility", "flexibility_eur"),
    ):
        value.loc[row] = [run.outcome["totals"][key] for run in named.values()]
    value.index.name = "term"
    return value


def _position(run: Run) -> "pd.Series[float]":
    frame, hours = run.final("positions"), run.outcome["isp_minutes"] / 60
    found = {
        market: float(sum(frame[c].sum() for c in columns if c is not None)) * hours / 1000
        for market, columns in _POSITIONS.items()
    }
    bids = run.final("bids")
    for product, rows in bids.groupby("product", observed=True):
        found[f"capacity {product} MW·h"] = float((rows["bid_mw"] * rows["hours"]).sum())
    return pd.Series({f"{k} MWh" if "capacity" not in k else k: v for k, v in found.items()})


def _peaks(run: Run) -> "pd.Series[float]":
    by_point = run.final("points").groupby("congestion_point", observed=True)["power_kw"]
    peaks = pd.concat({"import": by_point.max(), "export": by_point.min()}).swaplevel().sort_index()
    peaks.index.names = ["congestion_point", "peak"]
    return pd.Series(peaks, dtype=float)


def _changed(named: dict[str, Run]) -> Frame:
    names = list(named)
    first = _program(named[names[0]])
    hours = named[names[0]].outcome["isp_minutes"] / 60
    rows = []
    for name in names[1:]:
        both = pd.concat({"a": first, "b": _program(named[name])}, axis=1).dropna()
        moved = both["b"] - both["a"]
        for point, of_point in moved.groupby(level="congestion_point", observed=True):
            differs = of_point[of_point.abs() > _SAME_KW]
            if len(differs):
                rows.append(
                    (name, str(point), len(differs), float(differs.abs().max()), float(differs.abs().sum()) * hours)
                )
    return pd.DataFrame(rows, columns=["run", "congestion_point", "isps", "largest_kw", "moved_kwh"])


def _program(run: Run) -> "pd.Series[float]":
    frame = run.final("points")
    keys = [pd.Index(frame["congestion_point"].astype(str)), frame.index]
    return pd.Series(
        frame["power_kw"].to_numpy(), index=pd.MultiIndex.from_arrays(keys, names=["congestion_point", "time"])
    )


def _warnings(named: dict[str, Run]) -> list[str]:
    first, *others = named.items()
    found = [
        f"{name} is of {', '.join(run.outcome['periods'])}, {first[0]} of {', '.join(first[1].outcome['periods'])}: "
        "only days in both are compared ISP by ISP"
        for name, run in others
        if run.outcome["periods"] != first[1].outcome["periods"]
    ]
    for name, run in named.items():
        if any(step["ended_by_time_limit"] for step in run.steps):
            found.append(f"{name}: a time limit ended a solve, so its figures depend on the machine's speed")
        if any(step["audit"] for step in run.steps):
            found.append(f"{name}: the audit found faults; see outcome.json")
    return found
