"""Customers' values in the audit log and in approvals go after the time for personal data; who and why stay."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from agr.store import approvals, audit_log, schema
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


def test_a_form_s_token_goes_from_older_approvals_and_its_log_ins_end(tmp_path: Path) -> None:
    url, token = f"sqlite:///{tmp_path / 'old.db'}", "t" * 43
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        schema.upgrade(connection, "0016")
        connection.execute(
            sa.text(
                "INSERT INTO approvals (action, given, names, asked_by, asked_at, expires_at, state) VALUES "
                f"""('hold', '{{"csrf": "{token}", "back": "/", "why": "x"}}', '{{}}', 'anna', '', '', 'waiting')"""
            )
        )
        words = f"release: csrf {token}, back /alarms"
        for table, values in {
            "audit_log (at, who, action, subject, why, detail)": ("", "anna", "a", "s", "w", words),
            "alarms (kind, subject, text, raised_at, last_at, times)":
                ("k", "s", f"anna asks for {words}, contract FO-1 (why)", "", "", 1),
            "sessions (digest, account, csrf, created_at, seen_at)": ("d", "anna", token, "", ""),
        }.items():  # fmt: skip
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
        schema.upgrade(connection)
        found = [connection.execute(sa.text(f"SELECT {what}")).scalar() for what in (
            "given FROM approvals", "detail FROM audit_log", "text FROM alarms", "count(*) FROM sessions",
        )]  # fmt: skip
    engine.dispose()
    assert found == ['{"why": "x"}', "release: ", "anna asks for release: contract FO-1 (why)", 0]


def test_of_what_was_asked_for_only_values_of_rows_go(store: Store) -> None:
    kept, gone = "reserve: contract FO-1, power_w (1–92: 0)", "edit row of batteries b-1: charge_kw: 1 → 2"
    with store.transaction() as tx:
        for detail in (kept, gone, "enter row: table batteries", "release"):
            audit_log.record(
                tx, at=LONG_AGO, who="anna", action="ask for approval", subject="x", why="a test", detail=detail
            )
        assert audit_log.forget_values(tx, NOW) == 2
        assert [line.detail for line in audit_log.entries(tx)][::-1] == [
            kept, audit_log.FORGOTTEN, audit_log.FORGOTTEN, "release",
        ]  # fmt: skip
