"""Counting in the store gives what counting in memory would."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agr.domain.register import CongestionPoint
from agr.store import portfolio, tables
from agr.store.engine import Store
from tests.builders.worlds import PERIOD

LISTS = st.dictionaries(st.integers(0, 8), st.integers(0, 3), max_size=8)  # connection → point; 0: in none


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(today=LISTS, yesterday=LISTS)
def test_what_joined_left_and_moved_is_what_the_two_lists_say(
    store: Store, today: dict[int, int], yesterday: dict[int, int]
) -> None:
    with store.transaction() as tx:
        for table in (tables.points, tables.point_connections):
            tx.execute(table.delete())
        for period, members in ((PERIOD, today), (PERIOD.previous(), yesterday)):
            points = tuple(
                CongestionPoint(
                    address=f"p{n}", dso="d", connections=tuple(f"c{c}" for c, p in members.items() if p == n)
                )
                for n in (1, 2, 3)
            )
            free = tuple(f"c{c}" for c, p in members.items() if p == 0)
            portfolio.replace(tx, period.day, "cro", points, free)
        now = {c: p for c, p in today.items() if p}
        then = {c: p for c, p in yesterday.items() if p}
        found = portfolio.difference(tx, PERIOD)
        size = portfolio.size(tx, PERIOD)
    assert (found.joined, found.left) == (len(now.keys() - then.keys()), len(then.keys() - now.keys()))
    assert found.moved == sum(now[c] != then[c] for c in now.keys() & then.keys())
    assert (size.connections, size.points) == (len(now), len(set(now.values())))
