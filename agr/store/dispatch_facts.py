"""What roads have learnt of stations, and whether back-ends answer: what a restart must not forget."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from agr.domain.dispatch import Learned, StationFact
from agr.store.dispatch_tables import dispatch_facts as table
from agr.store.dispatch_tables import dispatch_roads as roads
from agr.store.engine import Tx

_C = table.c


def put(tx: Tx, one: Learned) -> None:
    """Store a fact in place of what was known before."""
    mine = sa.and_(
        _C.road == one.road, _C.station == one.station, _C.charge_point == one.charge_point, _C.fact == one.fact.value
    )
    tx.execute(table.delete().where(mine))
    tx.execute(table.insert().values(**vars(one) | {"fact": one.fact.value}))


def forget(tx: Tx, road: str, station: str, charge_point: str, fact: StationFact) -> None:
    """Forget one fact."""
    mine = sa.and_(_C.road == road, _C.station == station, _C.charge_point == charge_point, _C.fact == fact.value)
    tx.execute(table.delete().where(mine))


def of_road(tx: Tx, road: str | None = None) -> list[Learned]:
    """Return what is known of the stations of a road, or of all roads, by station."""
    mine = sa.true() if road is None else _C.road == road
    rows = tx.execute(sa.select(table).where(mine).order_by(_C.road, _C.station, _C.charge_point, _C.fact))
    return [Learned(**{**dict(row._mapping), "fact": StationFact(row.fact)}) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A back-end that does not answer."""

    since: datetime
    why: str


def silent(tx: Tx) -> dict[str, Silence]:
    """Return the roads whose back-ends do not answer."""
    rows = tx.execute(sa.select(roads).where(roads.c.silent_since.is_not(None)).order_by(roads.c.road))
    return {row.road: Silence(since=row.silent_since, why=row.why) for row in rows}


def set_silent(tx: Tx, road: str, since: datetime | None, why: str = "") -> None:
    """Keep since when a back-end is silent; None: it answers."""
    values = {"silent_since": since, "why": why}
    if not tx.execute(roads.update().where(roads.c.road == road).values(**values)).rowcount:
        tx.execute(roads.insert().values(road=road, **values))
