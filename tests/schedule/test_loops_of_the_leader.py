"""The loops of a service: who takes the lead looks at once."""

from threading import Event

from agr.service.loops import Loops

LIMIT_S = 600.0


def test_what_looks_once_an_hour_looks_as_soon_as_its_daemon_leads() -> None:
    refused, looked, leading = Event(), Event(), Event()

    def may() -> bool:
        if not leading.is_set():
            refused.set()
        return leading.is_set()

    loops = Loops(may)
    loops.watch("execution", looked.set, pause_s=3600.0)
    loops.start()
    try:
        assert refused.wait(LIMIT_S)
        assert not looked.is_set()
        leading.set()
        loops.wake_all()
        assert looked.wait(LIMIT_S)
    finally:
        loops.stop(lambda: LIMIT_S)
