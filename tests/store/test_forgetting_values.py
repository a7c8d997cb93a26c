"""Customers' values in the audit log and in approvals go after the time for personal data; who and why stay."""

from datetime import UTC, datetime, timedelta

from agr.store import approvals, audit_log
from agr.store.engine import Store

NOW = datetime(2026, 3, 28, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=500)


def test_values_of_old_changes_go_and_their_lines_stay(store: Store) -> None:
    with store.transaction() as tx:
        for at in (LONG_AGO, NOW):
            for action in ("edit row", "hold"):
                audit_log.record(tx, at=at, who="anna", action=action, subject="x", why="a test", detail="1 → 2")
        assert audit_log.forget_values(tx, NOW - timedelta(days=400)) == 1
        assert audit_log.forget_values(tx, NOW - timedelta(days=400)) == 0
        lines = [(line.action, line.why, line.detail) for line in audit_log.entries(tx)][::-1]
    assert lines == [
        ("edit row", "a test", audit_log.FORGOTTEN), ("hold", "a test", "1 → 2"),
        ("edit row", "a test", "1 → 2"), ("hold", "a test", "1 → 2"),
    ]  # fmt: skip


def test_what_was_decided_long_ago_goes_and_what_waits_stays(store: Store) -> None:
    with store.transaction() as tx:
        numbers = [
            approvals.put(tx, "enter_row", {"why": "a test"}, {}, "anna", at, at + timedelta(hours=4))
            for at in (LONG_AGO, LONG_AGO, NOW)
        ]
        approvals.decide(tx, numbers[0], "refused", "bert", LONG_AGO)
        approvals.decide(tx, numbers[2], "refused", "bert", NOW)
        assert approvals.delete_before(tx, NOW - timedelta(days=400)) == 1
        assert [approvals.get(tx, number) is None for number in numbers] == [True, False, False]
