"""What connections and groups may draw, and what customers pay there.

Source: docs/reference/formulation.md §3.7 and §3.9, docs/reference/tables.md.
"""

from collections.abc import Sequence

import numpy as np

from tests.scenario.monolith.linear_model import LinearModel, Term
from tests.scenario.monolith.reading import Day, number
from tests.scenario.monolith.stating import Stated


def limit_connections(
    model: LinearModel, day: Day, connections: Sequence[str], planned: Sequence[Stated], called: Sequence[Stated],
    moved: Sequence[bool],
) -> None:  # fmt: skip
    """State every limit for the programs, and where units are at reserved congestion points for the called ones."""
    around = {row["address"]: row.get("limit_group", "") for row in day.tables["connections"]}
    around |= {row["group"]: row["parent"] for row in day.tables["limit_groups"]}
    for row in day.tables["connection_limits"]:
        inside = [i for i, connection in enumerate(connections) if row["at"] in _path(connection, around)]
        _limit(model, day, row, [planned[i] for i in inside])
        if any(moved[i] for i in inside):
            _limit(model, day, row, [called[i] for i in inside])


def _path(place: str, around: dict[str, str]) -> list[str]:
    path = [place]
    while around.get(path[-1]):
        path.append(around[path[-1]])
    return path


def _limit(model: LinearModel, day: Day, row: dict[str, str], inside: Sequence[Stated]) -> None:
    cost = number(row, "penalty_eur_per_mwh") / 1000 * day.hours
    for t in np.flatnonzero(day.window(row)) if inside else ():
        power: list[Term] = [(unit.power[t], 1.0) for unit in inside]
        up: list[Term] = [(held[t], -1.0) for unit in inside for held in unit.up or []]
        down: list[Term] = [(held[t], 1.0) for unit in inside for held in unit.down or []]
        breach = model.columns(2, 0.0, np.inf, -cost)
        if row["import_kw"]:
            model.one([*power, *down, (breach[0], -1.0)], -np.inf, float(row["import_kw"]))
        if row["export_kw"]:
            model.one([*power, *up, (breach[1], 1.0)], -float(row["export_kw"]), np.inf)


def charge_customers(
    model: LinearModel, day: Day, connections: Sequence[str], planned: Sequence[Stated], reached_kw: dict[int, float]
) -> None:
    """Charge what connections with tariffs draw, and their peaks beyond what the day before has reached (by row)."""
    rows = list(enumerate(day.tables["connection_tariffs"]))
    for connection in sorted({row["connection"] for _, row in rows}):
        inside = [unit for unit, place in zip(planned, connections, strict=True) if place == connection]
        mine = [(i, row) for i, row in rows if row["connection"] == connection]
        own = [(row | {"peak_reached_kw": str(_reached(i, row, reached_kw))}, day.window(row)) for i, row in mine]
        price = {
            side: sum((number(row, f"{side}_eur_per_mwh") * holds for row, holds in own), np.zeros(day.isps))
            for side in ("import", "export")
        }
        taken = model.columns(day.isps, 0.0, np.inf, -price["import"] / 1000 * day.hours)
        given = model.columns(day.isps, 0.0, np.inf, price["export"] / 1000 * day.hours)
        model.each([*((unit.power, 1.0) for unit in inside), (taken, -1.0), (given, 1.0)], 0.0, 0.0)
        for row, holds in own:
            charge, reached = number(row, "peak_eur_per_kw"), number(row, "peak_reached_kw")
            if charge and holds.any():
                level = model.columns(1, reached, np.inf, -charge)
                model.constant += charge * reached
                for t in np.flatnonzero(holds):
                    model.one([(level, 1.0), (taken[t], -1.0)], 0.0, np.inf)


def _reached(i: int, row: dict[str, str], reached_kw: dict[int, float]) -> float:
    return max(number(row, "peak_reached_kw"), reached_kw.get(i, 0.0))
