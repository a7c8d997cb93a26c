"""Clocks: the machine's, and one that jumps."""

from datetime import UTC, datetime, timedelta

from agr.domain.isp import JumpingClock, SystemClock


def test_system_clock_reads_the_machine():
    clock, before = SystemClock(), datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.real(before) == before


def test_jumping_clock_starts_where_told_jumps_forward_only_and_tells_its_listeners():
    start = datetime(2026, 3, 28, 6, 30, tzinfo=UTC)
    clock = JumpingClock(start)
    heard = []
    clock.listeners.append(lambda: heard.append(clock.now()))
    assert start <= clock.now() < start + timedelta(minutes=1)
    noon = start.replace(hour=12)
    clock.jump_to(noon)
    assert noon <= heard[0] <= clock.now() < noon + timedelta(minutes=1)
    clock.jump_to(start)
    assert len(heard) == 1
    assert clock.now() >= heard[0]


def test_jumping_clock_says_when_an_instant_is_reached_on_the_machine():
    clock = JumpingClock(datetime(2020, 1, 1, tzinfo=UTC))
    clock.jump_to(datetime(2020, 1, 2, tzinfo=UTC))
    ahead = clock.real(datetime(2020, 1, 2, 1, tzinfo=UTC)) - datetime.now(UTC)
    assert timedelta(minutes=59) < ahead <= timedelta(hours=1)
