"""`agr check` names limits that are in the register twice, word for word; those that differ in anything are two."""

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from agr.domain.register import ConnectionLimit, PointLimit
from agr.operations.configuration_check import findings
from tests.builders.worlds import POINT, World

DAYS: dict[str, Any] = {
    "first_day": date(2026, 1, 1), "last_day": date(2026, 12, 31), "window_start": time(0), "window_end": time(0),
}  # fmt: skip
AT_POINT = PointLimit(congestion_point=POINT, import_kw=50, export_kw=None, penalty_eur_per_mwh=100, **DAYS)
AT_HOME = ConnectionLimit(at="ean.1", import_kw=50, export_kw=None, penalty_eur_per_mwh=100, **DAYS)
OTHER = ConnectionLimit(at="ean.1", import_kw=50, export_kw=None, penalty_eur_per_mwh=101, **DAYS)


@pytest.mark.parametrize(
    ("limits", "at_connections", "words"),
    [
        ((AT_POINT,), (AT_HOME, OTHER), []),
        ((AT_POINT, AT_POINT), (OTHER,), [f"table limits has the same limit of {POINT} 2 times"]),
        ((), (AT_HOME, OTHER, AT_HOME, AT_HOME), ["table connection_limits has the same limit of ean.1 3 times"]),
    ],
)
def test_limits_that_are_there_twice_are_named(
    tmp_path: Path, limits: tuple[PointLimit, ...], at_connections: tuple[ConnectionLimit, ...], words: list[str]
) -> None:
    world = World(tmp_path)
    world.know_register(limits=limits, connection_limits=at_connections)
    found = [line for line in findings(world.settings) if "same limit" in line]
    assert len(found) == len(words)
    assert all(line.startswith(said) for line, said in zip(found, words, strict=True))
    world.store.close()
