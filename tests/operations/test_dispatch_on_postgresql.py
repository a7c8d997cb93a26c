"""Dispatch on PostgreSQL: commands, receipts, facts of stations, sessions, their states, readings, and a restart."""

from pathlib import Path

from agr.domain.dispatch import StationFact
from agr.planning.stored_plans import StoredInputs
from agr.store import charge_sessions, dispatch_facts
from tests.builders import worlds
from tests.builders.citrine import Station
from tests.builders.depots import depots, point
from tests.builders.http_server import Told
from tests.builders.postgres import emptied
from tests.operations.test_charge_sessions import counted, post, told


def test_a_story_of_dispatch_on_postgresql(postgres: str, tmp_path: Path) -> None:
    with depots(tmp_path, emptied(postgres), CP1=Station(units=("A",))) as depot:
        depot.points(point())
        depot.plan(p1=7.0)
        depot.run(20)
        assert [state for _, _, _, state in depot.rows()].count("accepted") == 2
        assert depot.rows(whole=True) == [("set", "maximum", 9, "accepted")]
        told(depot, "Started", wh=1000)
        depot.pass_time(900)
        told(depot, "Updated", wh=2500, transactionInfo={"transactionId": "t1", "chargingState": "SuspendedEV"})
        assert counted(depot) == [1.0, 2.5]
        needs = {"acChargingParameters": {"energyAmount": 18_000}}
        post(depot, [2, "n", "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs}])
        depot.citrine.stations["CP1"].answer = "silent but applied"
        depot.plan(p1=5.0)
        depot.roads.look("citrine")
        depot.citrine.stations["CP1"].answer = "Accepted"
        depot.roads = depot.open()
        depot.roads.resume()  # killed before the answer
        depot.run(20)
        assert depot.limit_kw() == 7 * 0.69
        with depot.store.transaction() as tx:
            session = charge_sessions.running(tx)["p1"]
            assert session.needed_wh == 18_000
            assert [one.state for one in charge_sessions.told_of(tx, session)] == ["charging", "car pauses"]
            facts = [(one.station, one.fact, one.value) for one in dispatch_facts.of_road(tx)]
        assert facts == [("CP1", StationFact.UNIT, "A")]
        depot.citrine.trouble = lambda asked: Told(status=500)
        for _ in range(3):
            depot.pass_time(61)
            depot.run()
        with depot.store.transaction() as tx:
            assert set(dispatch_facts.silent(tx)) == {"citrine"}
            limits = StoredInputs(tx).silent_limits(worlds.PERIOD, depot.clock.now())
        assert set(limits) == {"p1/1"}
