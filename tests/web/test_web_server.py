"""A web server's address, which loops of the daemon still ask for while it stops."""

from agr.web.serving import WebServer


async def nothing(scope: object, receive: object, send: object) -> None:
    """Answer nothing."""


def test_the_port_stays_known_when_the_server_has_stopped() -> None:
    server = WebServer("test", nothing, "127.0.0.1", 0, "port")
    server.start()
    port = server.port
    assert port > 0
    server.stop()
    assert server.port == port
