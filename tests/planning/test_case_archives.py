"""Archives of cases: nothing is lost, equal cases have equal addresses, and those of earlier versions are read."""

import io
import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from agr.domain.errors import StoreError
from agr.domain.kinds.battery import Battery
from agr.planning import serialisation
from agr.planning.case import NamedCase, Previous, build
from models.case import ADDED
from tests.builders.case_inputs import at, ev, inputs


def test_a_case_survives_its_archive_to_the_bit_and_equal_cases_have_equal_addresses() -> None:
    battery = Battery(
        resource="b", connection="a", charge_kw=5, discharge_kw=5, capacity_kwh=10, initial_kwh=1 / 3, end_kwh=0
    )
    made = build(inputs(resources=(battery,), stay_eur_per_mwh=1.0, previous=Previous(point_kw={"p": np.ones(96)})))
    back = serialisation.unpack(NamedCase, serialisation.pack(made))
    assert serialisation.digest(back) == serialisation.digest(made)
    assert back.case.storage.energy_start_kwh.tobytes() == made.case.storage.energy_start_kwh.tobytes()
    assert back.case.anchor is not None
    other = build(inputs(resources=(replace(battery, initial_kwh=0.3333),)))
    assert serialisation.digest(other) != serialisation.digest(made)
    with pytest.raises(StoreError, match="cannot be read"):
        serialisation.unpack(NamedCase, b"not an archive")


@dataclass(frozen=True, kw_only=True, eq=False)
class Before:
    """A case as it was archived."""

    isps: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Limited:
    """The parameters of a market that was added since."""

    limit_kw: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Since(Before):
    """The case with that market."""

    limited: Limited | None = field(default=None, metadata=ADDED)


def test_a_market_or_class_that_was_added_changes_no_address_where_it_has_nothing() -> None:
    before = serialisation.digest(Before(isps=96))
    assert serialisation.digest(Since(isps=96)) == before
    assert serialisation.digest(Since(isps=96, limited=Limited(limit_kw=np.zeros(0)))) == before
    limited = Since(isps=96, limited=Limited(limit_kw=np.zeros(1)))
    assert serialisation.digest(limited) != before
    back = serialisation.unpack(Since, serialisation.pack(limited))
    assert back.limited is not None
    assert back.limited.limit_kw.tolist() == [0.0]
    assert serialisation.unpack(Since, serialisation.pack(Before(isps=96))).limited is None


def test_a_case_kept_before_cars_had_a_minimum_power_is_still_read() -> None:
    made = build(inputs(resources=(ev(at(10), at(12)),)))
    with np.load(io.BytesIO(serialisation.pack(made))) as stored:
        arrays = {name: stored[name] for name in stored.files if not name.endswith(".charge_min_kw")}
    head = json.loads(arrays["__json__"].tobytes())
    del head["case"]["storage"]["charge_min_kw"]
    arrays["__json__"] = np.frombuffer(json.dumps(head, sort_keys=True).encode(), dtype=np.uint8)
    old = io.BytesIO()
    np.savez(old, allow_pickle=False, **arrays)
    assert serialisation.digest(serialisation.unpack(NamedCase, old.getvalue())) == serialisation.digest(made)
