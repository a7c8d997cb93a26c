"""The table of readings, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from agr.domain.reading import Reading
from agr.store import announcements, readings

NOW = datetime(2026, 3, 28, 6, 0, tzinfo=UTC)


def reading(minutes, value=1.0, resource="b", quantity="stored_kwh"):
    return Reading(resource=resource, at=NOW + timedelta(minutes=minutes), quantity=quantity, value=value)


def test_readings_are_found_by_key_window_and_newest(store):
    rows = [reading(m, float(m)) for m in (0, 5, 10)] + [reading(3, 7.0, quantity="power_kw"), reading(1, resource="c")]
    with store.transaction() as tx:
        readings.put(tx, rows, NOW, "anna (token)")
    with store.transaction() as tx:
        assert readings.known(tx, [reading(5), reading(6)]) == {("b", "stored_kwh", NOW + timedelta(minutes=5)): 5.0}
        newest = readings.newest_stored(tx, ["b", "c", "d"], NOW, NOW + timedelta(minutes=7))
        assert newest == {"b": (NOW + timedelta(minutes=5), 5.0), "c": (NOW + timedelta(minutes=1), 1.0)}
        window = readings.between(tx, ["b"], ["stored_kwh"], NOW, NOW + timedelta(minutes=5))
        assert window == {("b", "stored_kwh"): [(NOW, 0.0), (NOW + timedelta(minutes=5), 5.0)]}
        assert readings.reporting(tx, NOW, NOW + timedelta(minutes=4)) == ["b", "c"]
        page = readings.page(tx, "b", NOW, NOW + timedelta(hours=1), 2, 1)
        assert [(one.reading.value, one.by) for one in page] == [(5.0, "anna (token)"), (7.0, "anna (token)")]


def test_a_reading_is_stored_once(store):
    with store.transaction() as tx:
        readings.put(tx, [reading(0)], NOW, "x")
    with pytest.raises(sa.exc.IntegrityError), store.transaction() as tx:
        readings.put(tx, [reading(0, 2.0)], NOW, "x")


def test_old_readings_are_deleted(store):
    with store.transaction() as tx:
        readings.put(tx, [reading(0), reading(60)], NOW, "x")
        assert readings.delete_before(tx, NOW + timedelta(minutes=1)) == 1
        assert readings.reporting(tx, NOW, NOW + timedelta(hours=2)) == ["b"]


def test_a_channel_remembers_what_it_was_told_last(store):
    with store.transaction() as tx:
        assert announcements.told(tx, "a") is None
        announcements.put(tx, "a", "1-5", NOW)
        announcements.put(tx, "b", "1-5", NOW)
        announcements.put(tx, "a", "2-6", NOW)
    with store.transaction() as tx:
        assert (announcements.told(tx, "a"), announcements.told(tx, "b")) == ("2-6", "1-5")
